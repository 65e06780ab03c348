// Clients that check what metadata says. Each discovers the authorization
// server from where it begins, registers, lets the browser go to the provider
// and come back, and redeems the code. Each resolves when it is logged in, and
// throws what it objects to.
import assert from "node:assert/strict";
import path from "node:path";
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import * as openid from "openid-client-6";
import { Codex } from "../codex.mjs";
import { build } from "../deployment.mjs";
import { Process } from "../processes.mjs";
import { browse, finish } from "./browser.mjs";
import { register } from "./registration.mjs";

const redirectURI = "http://127.0.0.1:9/callback"; // the browser is not let go there
const application = { redirect_uris: [redirectURI], client_name: "e2e", response_types: ["code"] };
const grants = ["authorization_code", "refresh_token"];

// The MCP TypeScript SDK begins at the protected resource.
async function mcpSDK(t, deployment, provider) {
  const kept = {};
  const client = {
    redirectUrl: redirectURI,
    clientMetadata: { ...application, grant_types: grants, scope: provider.openid ? "openid" : undefined },
    state: () => openid.randomState(),
    clientInformation: () => kept.client,
    saveClientInformation: (information) => (kept.client = information),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => (kept.tokens = tokens),
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => (kept.verifier = verifier),
    redirectToAuthorization: (url) => (kept.url = url),
  };
  assert.equal(await auth(client, { serverUrl: deployment.mcp }), "REDIRECT");
  const callback = new URL(await browse(kept.url.href, redirectURI));
  const authorizationCode = callback.searchParams.get("code");
  assert.ok(authorizationCode, `the provider answers ${callback.search}`);
  assert.equal(await auth(client, { serverUrl: deployment.mcp, authorizationCode }), "AUTHORIZED");
  assert.ok(kept.tokens.access_token);
}

// openid-client 6 begins at the issuer, and speaks OpenID Connect where the
// provider does.
async function openidClient(t, deployment, provider) {
  const config = await openid.dynamicClientRegistration(
    new URL(deployment.origin),
    { ...application, grant_types: grants },
    openid.ClientSecretBasic(),
    { algorithm: provider.openid ? "oidc" : "oauth2", execute: [openid.allowInsecureRequests] },
  );
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectURI,
    scope: provider.openid ? "openid" : "",
    state: expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const callback = await browse(url.href, redirectURI);
  await openid.authorizationCodeGrant(config, new URL(callback), { pkceCodeVerifier, expectedState });
}

// go-oidc begins at the issuer, with a client that has registered before.
async function goOIDC(t, deployment) {
  const { client_id, client_secret } = await register(deployment.metadata, redirectURI);
  const program = new Process("gooidc", path.join(build, "gooidc"), [], { input: "pipe" });
  t.after(() => program.stop());
  const say = (line) => program.child.stdin.write(`${JSON.stringify(line)}\n`);
  say({ issuer: deployment.origin, client_id, client_secret, redirect_uri: redirectURI });
  const [, text] = await program.saw(/^(\{.*"(?:authorization_url|error)".*\})$/m);
  const { authorization_url, error } = JSON.parse(text);
  if (error) throw new Error(error);
  say(await browse(authorization_url, redirectURI));
  program.child.stdin.end();
  await program.exit();
  const last = JSON.parse(program.stdout.trimEnd().split("\n").at(-1));
  if (last.error) throw new Error(last.error);
  assert.ok(last.subject);
}

// Codex begins at the MCP server.
async function codex(t, deployment) {
  const client = await Codex.install(t, "0.169");
  const child = client.run(["mcp", "add", "e2e", "--url", deployment.mcp]);
  const found = await child.saw(/(http:\S+\?\S*response_type=code\S*)\s/);
  await finish(await browse(found[1]));
  const code = await child.exit();
  if (code !== 0) throw new Error(child.output);
}

// checks tells what a client compares with the issuer: the iss of authorization
// responses (RFC 9207), the one of ID tokens. asksForNone tells that it registers
// as a public client and uses a secret all the same if it receives one.
export const clients = [
  { name: "MCP TypeScript SDK", login: mcpSDK, checks: [] },
  { name: "openid-client 6", login: openidClient, checks: ["iss", "ID token"] },
  { name: "go-oidc", login: goOIDC, openidOnly: true, checks: ["ID token"] },
  { name: "Codex 0.169", login: codex, asksForNone: true, checks: ["iss"] },
];
