import * as client from "openid-client-6";
import { work } from "./jobs.mjs";

const methods = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
};

await work(async (job) => {
  const authentication = methods[job.method](job.client_secret);
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
});
