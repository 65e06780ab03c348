import { AuthorizationCode, ClientCredentials } from "simple-oauth2";
import { work } from "./jobs.mjs";

await work((job) => {
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
});
