// npm's oidc-provider, a real OpenID provider, which reads client secrets only from the
// form. It prints one line with its address, and to standard error one line of JSON for
// every request at an endpoint with client authentication, in the format of legacyd.
//
// With --clients it knows the clients in that JSON file and registers no others. Those with jwks
// authenticate with their key. It then rejects every resource (RFC 8707), which is its default.
import fs from "node:fs";
import http from "node:http";
import { parseArgs } from "node:util";
import Provider from "oidc-provider";

const names = ["listen", "public-url", "clients"];
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
const [host, port] = values.listen.split(":");
const registers = !values.clients;

// known is a client of the file, as an operator registers an app on the user's machine.
const known = (client) => ({
  ...client,
  application_type: "native",
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: client.jwks ? "private_key_jwt" : "client_secret_post",
});
const clients = registers ? [] : JSON.parse(fs.readFileSync(values.clients, "utf8")).map(known);

const provider = new Provider(values["public-url"], {
  clientAuthMethods: [...new Set(["client_secret_post", ...clients.map((client) => client.token_endpoint_auth_method)])],
  clients,
  cookies: { keys: ["any"] },
  features: {
    // Pages with forms for the browser.
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: registers },
    registrationManagement: { enabled: registers, rotateRegistrationAccessToken: false },
    revocation: { enabled: true },
    // Enabled, it rejects resources that it does not know.
    resourceIndicators: { enabled: !registers },
  },
  ...(!registers && {
    // Legacy providers do not wait for the scope offline_access.
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed("refresh_token"),
  }),
  responseTypes: ["code"],
});

const authenticating = ["/token", "/token/revocation", "/token/introspection", "/request"];

// oidc-provider reads Basic whatever its configuration says, so this removes the header.
provider.use(async (ctx, next) => {
  if (!authenticating.includes(ctx.path)) return next();
  const authorization = "authorization" in ctx.req.headers;
  delete ctx.req.headers.authorization;
  try {
    await next();
  } finally {
    const parameters = Object.keys(ctx.oidc?.body ?? {});
    process.stderr.write(`${JSON.stringify({ path: ctx.path, authorization, parameters })}\n`);
  }
});

// A request without scope means the default scope (RFC 6749 section 3.3). Without any, the
// user would have nothing to allow.
provider.use((ctx, next) => {
  if (ctx.path === "/auth" && ctx.query.response_type && !ctx.query.scope) ctx.query = { ...ctx.query, scope: "openid" };
  return next();
});

const server = http.createServer(provider.callback());
server.listen(Number(port), host, () => console.log(`listening on http://${values.listen}`));
