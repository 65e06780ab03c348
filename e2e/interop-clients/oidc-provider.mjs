// A real OpenID provider, npm's oidc-provider, that takes client secrets from
// the form only. It prints one line with its address, and to standard error one
// line of JSON for every request at an endpoint at which clients authenticate,
// in the words of legacyd.
import http from "node:http";
import { parseArgs } from "node:util";
import Provider from "oidc-provider";

const { values } = parseArgs({ options: { listen: { type: "string" }, "public-url": { type: "string" } } });
const [host, port] = values.listen.split(":");

const provider = new Provider(values["public-url"], {
  clientAuthMethods: ["client_secret_post"],
  cookies: { keys: ["of this process alone"] },
  features: {
    // Pages with forms, for a browser.
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    revocation: { enabled: true },
    // It would want to know every resource that a client names.
    resourceIndicators: { enabled: false },
  },
  responseTypes: ["code"],
});

const authenticating = ["/token", "/token/revocation", "/token/introspection", "/request"];

// Left to itself it reads Basic whatever its configuration says, so the header
// field goes before it looks.
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

// A client that asks for no scope means the default one (RFC 6749 section 3.3);
// without any there would be nothing for the user to agree to.
provider.use((ctx, next) => {
  if (ctx.path === "/auth" && ctx.query.response_type && !ctx.query.scope) ctx.query = { ...ctx.query, scope: "openid" };
  return next();
});

const server = http.createServer(provider.callback());
server.listen(Number(port), host, () => console.log(`listening on http://${values.listen}`));
