// The client programs in JavaScript. The argument is the name of one. It reads jobs
// from standard input, logs in as each client, and prints one line of JSON for each job.
//
// A job names an authorization server, a client with its method and its secret or key, a code
// to exchange, and the grants in their order. Its line holds "ok" or the error for each
// grant.
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { importJWK } from "jose";

// clients returns for each library how it makes the client of a job: a function for each
// grant, which resolves to a token response.
const clients = {
  curl: async () => (job) => ({
    authorization_code: () =>
      curl(job, {
        grant_type: "authorization_code",
        code: job.callback.code,
        redirect_uri: job.redirect_uri,
        code_verifier: job.code_verifier,
      }),
    refresh_token: (token) => curl(job, { grant_type: "refresh_token", refresh_token: token }),
    client_credentials: () => curl(job, { grant_type: "client_credentials" }),
  }),

  "mcp-sdk": async () => {
    const sdk = await import("@modelcontextprotocol/sdk/client/auth.js");
    return async (job) => {
      const known = {
        metadata: await sdk.discoverAuthorizationServerMetadata(job.issuer),
        clientInformation: {
          client_id: job.client_id,
          client_secret: job.client_secret,
          token_endpoint_auth_method: job.variant === "unregistered" ? undefined : job.method,
        },
      };
      const exchange = {
        authorizationCode: job.callback.code,
        codeVerifier: job.code_verifier,
        redirectUri: job.redirect_uri,
      };
      return {
        authorization_code: () => sdk.exchangeAuthorization(job.issuer, { ...known, ...exchange }),
        refresh_token: (token) => sdk.refreshAuthorization(job.issuer, { ...known, refreshToken: token }),
      };
    };
  },

  PrivateKeyJwtProvider: assertionProvider("PrivateKeyJwtProvider", ({ private_key: { jwk, pem, alg } }) => ({
    // It reads PEM for the older algorithms only.
    privateKey: alg.startsWith("Ed") ? jwk : pem,
    algorithm: alg,
  })),

  StaticPrivateKeyJwtProvider: assertionProvider("StaticPrivateKeyJwtProvider", ({ assertion }) => ({ jwtBearerAssertion: assertion })),

  oauth4webapi: async () => {
    const oauth = await import("oauth4webapi");
    const plaintext = { [oauth.allowInsecureRequests]: true };
    return async (job) => {
      const issuer = new URL(job.issuer);
      const discovery = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plaintext });
      const as = await oauth.processDiscoveryResponse(issuer, discovery);
      const client = { client_id: job.client_id };
      const authentication = await authenticate(oauth, job);
      return {
        authorization_code: async () => {
          const callback = oauth.validateAuthResponse(as, client, new URLSearchParams(job.callback), job.callback.state);
          const response = await oauth.authorizationCodeGrantRequest(
            as, client, authentication, callback, job.redirect_uri, job.code_verifier, plaintext,
          );
          return oauth.processAuthorizationCodeResponse(as, client, response);
        },
        refresh_token: async (token) => {
          const response = await oauth.refreshTokenGrantRequest(as, client, authentication, token, plaintext);
          return oauth.processRefreshTokenResponse(as, client, response);
        },
        client_credentials: async () => {
          const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, {}, plaintext);
          return oauth.processClientCredentialsResponse(as, client, response);
        },
      };
    };
  },

  "openid-client-5": async () => {
    const { Issuer } = await import("openid-client-5");
    return async (job) => {
      // By default it fetches openid-configuration only.
      const issuer = await Issuer.discover(`${job.issuer}/.well-known/oauth-authorization-server`);
      const { jwk, kid, alg } = job.private_key ?? {};
      const registered = {
        client_id: job.client_id,
        client_secret: job.client_secret,
        token_endpoint_auth_method: job.method,
        redirect_uris: [job.redirect_uri],
        response_types: ["code"],
      };
      const client = new issuer.Client(registered, jwk && { keys: [{ ...jwk, kid, alg: alg.replace("Ed25519", "EdDSA") }] });
      const checks = { code_verifier: job.code_verifier, state: job.callback.state };
      return {
        authorization_code: () => client.oauthCallback(job.redirect_uri, job.callback, checks),
        refresh_token: (token) => client.refresh(token),
        client_credentials: () => client.grant({ grant_type: "client_credentials" }),
      };
    };
  },

  "openid-client-6": async () => {
    const client = await import("openid-client-6");
    return async (job) => {
      const authentication = await authenticate(client, job);
      const config = await client.discovery(new URL(job.issuer), job.client_id, undefined, authentication, {
        algorithm: "oauth2",
        execute: [client.allowInsecureRequests],
      });
      const checks = { pkceCodeVerifier: job.code_verifier, expectedState: job.callback.state };
      const callback = new URL(`${job.redirect_uri}?${new URLSearchParams(job.callback)}`);
      return {
        authorization_code: () => client.authorizationCodeGrant(config, callback, checks),
        refresh_token: (token) => client.refreshTokenGrant(config, token),
        client_credentials: () => client.clientCredentialsGrant(config),
      };
    };
  },

  "simple-oauth2": async () => {
    const { AuthorizationCode, ClientCredentials } = await import("simple-oauth2");
    return (job) => {
      const endpoint = new URL(job.token_endpoint);
      const config = {
        client: { id: job.client_id, secret: job.client_secret },
        auth: { tokenHost: endpoint.origin, tokenPath: endpoint.pathname },
        options: {
          authorizationMethod: { client_secret_basic: "header", client_secret_post: "body" }[job.method],
          credentialsEncodingMode: job.variant,
        },
      };
      const code = { code: job.callback.code, redirect_uri: job.redirect_uri, code_verifier: job.code_verifier };
      const authorization = new AuthorizationCode(config);
      return {
        authorization_code: async () => (await authorization.getToken(code)).token,
        refresh_token: async (token) => (await authorization.createToken({ refresh_token: token }).refresh()).token,
        client_credentials: async () => (await new ClientCredentials(config).getToken({})).token,
      };
    };
  },
};

// authenticate resolves to how a client of one of these two libraries authenticates.
async function authenticate(library, job) {
  const { jwk, kid, alg } = job.private_key ?? {};
  const audience = (header, claims) => job.audience && (claims.aud = job.audience);
  return {
    client_secret_basic: () => library.ClientSecretBasic(job.client_secret),
    client_secret_post: () => library.ClientSecretPost(job.client_secret),
    private_key_jwt: async () => library.PrivateKeyJwt({ key: await importJWK(jwk, alg), kid }, { [library.modifyAssertion]: audience }),
  }[job.method]();
}

// assertionProvider returns the clients of the MCP SDK that authenticate with an assertion.
function assertionProvider(type, options) {
  return async () => {
    const { auth } = await import("@modelcontextprotocol/sdk/client/auth.js");
    const extensions = await import("@modelcontextprotocol/sdk/client/auth-extensions.js");
    return (job) => {
      const provider = new extensions[type]({ clientId: job.client_id, expectedIssuer: job.issuer, ...options(job) });
      return {
        client_credentials: async () => {
          await auth(provider, { serverUrl: job.issuer });
          return provider.tokens();
        },
      };
    };
  };
}

// curl runs curl -u. The secret goes to standard input, because other users can see
// arguments.
async function curl(job, form) {
  const credentials = { client_id: job.client_id, client_secret: job.client_secret };
  const fields = job.method === "client_secret_post" ? { ...form, ...credentials } : form;
  const options = [
    ["url", job.token_endpoint],
    ...Object.entries(fields).map(([name, value]) => ["data-urlencode", `${name}=${value}`]),
  ];
  if (job.method === "client_secret_basic") options.push(["user", `${job.client_id}:${job.client_secret}`]);

  const process = spawn("curl", ["--silent", "--show-error", "--max-time", "20", "-K", "-"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const quote = (value) => `"${value.replace(/["\\]/g, "\\$&")}"`;
  process.stdin.end(options.map(([name, value]) => `${name} = ${quote(value)}\n`).join(""));
  const answer = JSON.parse(await text(process.stdout));
  if (answer.error) throw Object.assign(new Error(answer.error_description), { error: answer.error });
  return answer;
}

async function run(job, connect) {
  const outcomes = {};
  let client;
  let tokens = {};
  for (const grant of job.grants) {
    try {
      client ??= await connect(job);
      if (grant === "refresh_token" && !tokens.refresh_token) throw new Error("no refresh token");
      const answer = await client[grant](tokens.refresh_token);
      if (!answer.access_token) throw new Error("no access token");
      tokens = answer;
      outcomes[grant] = "ok";
    } catch (error) {
      outcomes[grant] = describe(error);
    }
  }
  return outcomes;
}

// describe joins what the libraries say in their various members.
function describe(error) {
  const words = [error.name, error.code, error.error, error.error_description, error.message, error.cause?.message];
  return words.filter((word) => typeof word === "string").join(" ");
}

const connect = await clients[process.argv[2]]();
for (const job of JSON.parse(await text(process.stdin))) {
  console.log(JSON.stringify({ id: job.id, grants: await run(job, connect) }));
}
