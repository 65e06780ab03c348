// The authorization part of the MCP TypeScript SDK.
import {
  discoverAuthorizationServerMetadata,
  exchangeAuthorization,
  refreshAuthorization,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { work } from "./jobs.mjs";

await work(async (job) => {
  const known = {
    metadata: await discoverAuthorizationServerMetadata(job.issuer),
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
    authorization_code: () => exchangeAuthorization(job.issuer, { ...known, ...exchange }),
    refresh_token: (token) => refreshAuthorization(job.issuer, { ...known, refreshToken: token }),
  };
});
