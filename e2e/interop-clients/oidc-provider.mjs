// npm's oidc-provider, a real OpenID provider, which reads client secrets only from the
// form. It prints one line with its address, and to standard error one line of JSON for
// every request at an endpoint with client authentication, in the format of legacyd.
import http from "node:http";
import { parseArgs } from "node:util";
import Provider from "oidc-provider";

const { values } = parseArgs({ options: { listen: { type: "string" }, "public-url": { type: "string" } } });
const [host, port] = values.listen.split(":");

const provider = new Provider(values["public-url"], {
  clientAuthMethods: ["client_secret_post"],
  cookies: { keys: ["any"] },
  features: {
    // Pages with forms for the browser.
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    revocation: { enabled: true },
    // Otherwise it rejects resources that it does not know.
    resourceIndicators: { enabled: false },
  },
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
