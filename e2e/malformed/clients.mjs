// The clients that read the malformed responses. Each discovers the provider, registers for the
// R cases, logs in, and refreshes its token for the D cases. Codex registers for every case.
import assert from "node:assert/strict";
import path from "node:path";
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import * as oauth from "oauth4webapi";
import * as oidc from "openid-client-6";
import { browse, finish } from "../browser.mjs";
import { Codex } from "../codex.mjs";
import { run } from "../clients/run.mjs";
import { build, golang, npm } from "../deployment.mjs";
import { SDKStorage } from "../sdk-storage.mjs";
import { tokens } from "./provider.mjs";

const redirectURI = "http://127.0.0.1/callback";
const registered = { client_id: "client", client_secret: "secret" };
const state = "state";
const verifier = oauth.generateRandomCodeVerifier();
const authorization = {
  redirect_uri: redirectURI,
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
};

// logIn gets the origin of the authorization server and the kind of the case, which is the
// letter of cases.mjs. It rejects if the client refuses the response. For a D case it resolves
// to one of refresh, which holds the outcomes from the worst to the best.
export const clients = [
  {
    name: "Codex CLI",
    version: () => npm("codex-0.171"),
    logIn: codex,
    refresh: ["stuck", "asks to log in"],
  },
  {
    name: "MCP TypeScript SDK",
    version: () => npm("@modelcontextprotocol/sdk"),
    logIn: mcpSDK,
    refresh: ["throws", "logs in again", "forgets, logs in again"],
  },
  { name: "oauth4webapi", version: () => npm("oauth4webapi"), logIn: oauth4webapi },
  { name: "openid-client", version: () => npm("openid-client-6"), logIn: openidClient },
  {
    name: "golang.org/x/oauth2",
    version: () => golang("golang.org/x/oauth2", "xoauth2"),
    logIn: xoauth2,
    // It has neither discovery nor registration.
    kinds: "TD",
  },
].map((client) => ({ kinds: "TRMD", refresh: ["other", "invalid_grant"], ...client }));

// loggedIn resolves to a Codex CLI that has registered itself and logged in.
export async function loggedIn(t, origin) {
  const cli = await Codex.install(t, "0.171");
  const login = await cli.login(`${origin}/mcp`, { user: async (url) => finish(await browse(url)) });
  assert.equal(login.code, 0, login.output);
  assert.equal((await cli.credentials()).access_token, tokens.access_token);
  return cli;
}

async function codex(t, origin, kind) {
  const cli = await loggedIn(t, origin);
  if (kind !== "D") return;
  await cli.expire();
  const [{ authStatus, tools }] = await cli.servers();
  assert.deepEqual(tools, {});
  return { notLoggedIn: "asks to log in", oAuth: "stuck" }[authStatus];
}

// SDKClient is an application that is made with the SDK.
class SDKClient extends SDKStorage {
  redirectUrl = redirectURI;
  clientMetadata = { client_name: "e2e", redirect_uris: [redirectURI] };

  constructor(information) {
    super();
    this.information = information;
  }
  invalidateCredentials() { this.saved = undefined; }
}

async function mcpSDK(t, origin, kind) {
  const client = new SDKClient(kind === "R" ? undefined : registered);
  const serverUrl = `${origin}/mcp`;
  assert.equal(await auth(client, { serverUrl }), "REDIRECT");
  const authorizationCode = new URL(await browse(client.authorizationURL)).searchParams.get("code");
  assert.equal(await auth(client, { serverUrl, authorizationCode }), "AUTHORIZED");
  assert.equal(client.saved.access_token, tokens.access_token);
  if (kind !== "D") return;
  const outcome = await auth(client, { serverUrl }).catch(() => "throws");
  assert.notEqual(outcome, "AUTHORIZED");
  if (outcome === "throws") return outcome;
  return client.saved ? "logs in again" : "forgets, logs in again";
}

// authenticate uses Basic for a client with a secret, whatever the metadata lists.
function authenticate(as, client, ...request) {
  const method = client.client_secret ? oauth.ClientSecretBasic(client.client_secret) : oauth.None();
  return method(as, client, ...request);
}

const plaintext = { [oauth.allowInsecureRequests]: true };

async function oauth4webapi(t, origin, kind) {
  const issuer = new URL(origin);
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plaintext });
  const as = await oauth.processDiscoveryResponse(issuer, discovered);
  const register = () => oauth.dynamicClientRegistrationRequest(as, { redirect_uris: [redirectURI] }, plaintext);
  const client = kind === "R" ? await oauth.processDynamicClientRegistrationResponse(await register()) : registered;
  const url = new URL(as.authorization_endpoint);
  const query = { response_type: "code", client_id: client.client_id, ...authorization };
  url.search = new URLSearchParams(query);
  const callback = oauth.validateAuthResponse(as, client, new URL(await browse(url.href)), state);
  const exchange = await oauth.authorizationCodeGrantRequest(as, client, authenticate, callback, redirectURI, verifier, plaintext);
  const received = await oauth.processAuthorizationCodeResponse(as, client, exchange);
  assert.equal(received.access_token, tokens.access_token);
  if (kind !== "D") return;
  const response = await oauth.refreshTokenGrantRequest(as, client, authenticate, received.refresh_token, plaintext);
  return refusal(oauth.processRefreshTokenResponse(as, client, response));
}

async function openidClient(t, origin, kind) {
  const options = { algorithm: "oauth2", execute: [oidc.allowInsecureRequests] };
  const config =
    kind === "R"
      ? await oidc.dynamicClientRegistration(new URL(origin), { redirect_uris: [redirectURI] }, authenticate, options)
      : await oidc.discovery(new URL(origin), registered.client_id, registered, authenticate, options);
  const url = oidc.buildAuthorizationUrl(config, authorization);
  const callback = new URL(await browse(url.href));
  const received = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier, expectedState: state });
  assert.equal(received.access_token, tokens.access_token);
  if (kind === "D") return refusal(oidc.refreshTokenGrant(config, received.refresh_token));
}

// refusal resolves to how a client reads the response to the expired refresh token.
async function refusal(refresh) {
  const error = await refresh.then(() => assert.fail("the refresh succeeded"), (error) => error);
  if (error instanceof assert.AssertionError) throw error;
  return error.error === "invalid_grant" ? "invalid_grant" : "other";
}

// xoauth2 runs golang.org/x/oauth2, in ../clients/xoauth2, with a code that the provider does
// not look at.
async function xoauth2(t, origin, kind) {
  const job = {
    id: 0,
    token_endpoint: `${origin}/token`,
    ...registered,
    method: "client_secret_basic",
    grants: kind === "D" ? ["authorization_code", "refresh_token"] : ["authorization_code"],
    callback: { code: "code" },
    code_verifier: verifier,
    redirect_uri: redirectURI,
  };
  const outcomes = await run(t, { name: "xoauth2", program: [path.join(build, "xoauth2")] }, [job]);
  const { authorization_code, refresh_token } = outcomes.get(0);
  assert.equal(authorization_code, "ok");
  assert.notEqual(refresh_token, "ok");
  if (kind === "D") return /^oauth2: "invalid_grant"/.test(refresh_token) ? "invalid_grant" : "other";
}
