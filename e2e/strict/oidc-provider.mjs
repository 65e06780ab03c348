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
  // none is for clients that register as public ones, as Codex does.
  clientAuthMethods: ["client_secret_post", "none"],
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

const server = http.createServer(provider.callback());
server.listen(Number(port), host, () => console.log(`listening on http://${values.listen}`));
