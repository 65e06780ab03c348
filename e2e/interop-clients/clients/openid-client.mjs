// openid-client 6. It checks the issuer of the metadata, of the authorization
// response and of the ID token.
import assert from "node:assert/strict";
import * as client from "openid-client-6";
import { browse } from "../browser.mjs";

const redirectURI = "http://127.0.0.1/callback";

export async function logIn(t, { deployment, provider }) {
  const algorithm = provider.openid ? "oidc" : "oauth2";
  const options = { algorithm, execute: [client.allowInsecureRequests] };
  const server = new URL(deployment.origin);
  // It names no method, which means client_secret_basic, and uses that.
  const config = await client.dynamicClientRegistration(server, { redirect_uris: [redirectURI] }, client.ClientSecretBasic(), options);
  assert.equal(config.clientMetadata().token_endpoint_auth_method, "client_secret_basic");

  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const parameters = {
    redirect_uri: redirectURI,
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...(provider.openid && { scope: "openid" }),
  };
  const pushes = Boolean(config.serverMetadata().pushed_authorization_request_endpoint);
  const build = pushes ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl;
  const callback = await browse((await build(config, parameters)).href, redirectURI);
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), { pkceCodeVerifier, expectedState });
  assert.ok(tokens.access_token);
  if (provider.openid) await useEverything(config, tokens);
}

// useEverything authenticates at the other endpoints as well.
async function useEverything(config, tokens) {
  assert.equal(tokens.claims().sub, "user");
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, "user")).sub, "user");
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);
  await client.tokenRevocation(config, tokens.access_token);
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
}
