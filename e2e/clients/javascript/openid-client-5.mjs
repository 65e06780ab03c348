import { Issuer } from "openid-client-5";
import { work } from "./jobs.mjs";

await work(async (job) => {
  // Left to itself it looks for openid-configuration only.
  const issuer = await Issuer.discover(`${job.issuer}/.well-known/oauth-authorization-server`);
  const client = new issuer.Client({
    client_id: job.client_id,
    client_secret: job.client_secret,
    token_endpoint_auth_method: job.method,
    redirect_uris: [job.redirect_uri],
    response_types: ["code"],
  });
  const checks = { code_verifier: job.code_verifier, state: job.callback.state };
  return {
    authorization_code: () => client.oauthCallback(job.redirect_uri, job.callback, checks),
    refresh_token: (token) => client.refresh(token),
    client_credentials: () => client.grant({ grant_type: "client_credentials" }),
  };
});
