import * as oauth from "oauth4webapi";
import { work } from "./jobs.mjs";

const methods = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
};
const plaintext = { [oauth.allowInsecureRequests]: true };

await work(async (job) => {
  const issuer = new URL(job.issuer);
  const discovery = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plaintext });
  const as = await oauth.processDiscoveryResponse(issuer, discovery);
  const client = { client_id: job.client_id };
  const authentication = methods[job.method](job.client_secret);
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
});
