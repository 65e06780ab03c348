// The strict clients: how each logs in, and why it refuses to.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import * as oidc from "openid-client-6";
import { browse, finish } from "../browser.mjs";
import { Codex } from "../codex.mjs";
import { build, golang, npm, write } from "../deployment.mjs";
import { freePorts, Process } from "../processes.mjs";
import { SDKStorage } from "../sdk-storage.mjs";
import { node22 } from "./providers.mjs";
import { obtain } from "./registration.mjs";

const codexVersion = "0.171";
const redirectURI = "http://127.0.0.1/callback";

// warnings are what oauthgw check prints about a provider that names its own issuer in
// responses that the gateway does not change, and about pages at another origin than the
// issuer.
export const warnings = {
  response: /^Authorization responses name the issuer /m,
  token: /^ID tokens .*name the issuer /m,
  authorization: /^The authorization_endpoint .*Codex/m,
};

const basic = "client_secret_basic";

// method is how a client authenticates if the metadata lists both methods. A client with
// openid needs OpenID Connect. refuses holds the client's error for the reason of each
// warning because of which it refuses to log in.
export const clients = [
  {
    name: "Codex CLI",
    version: () => npm(`codex-${codexVersion}`),
    logIn: codex,
    method: basic,
    refuses: {
      authorization: /authorization endpoint origin does not match the authorization server origin/,
      response: /Authorization server issuer mismatch: expected \S+, received \S+/,
    },
  },
  { name: "MCP TypeScript SDK", version: () => npm("@modelcontextprotocol/sdk"), logIn: mcpSDK, method: basic },
  {
    name: "openid-client",
    version: () => npm("openid-client-6"),
    logIn: openidClient,
    method: basic,
    refuses: {
      response: /unexpected "iss" \(issuer\) response parameter value/,
      token: /unexpected JWT "iss" \(issuer\) claim value/,
    },
  },
  {
    name: "go-oidc",
    version: () => golang("github.com/coreos/go-oidc/v3", "gooidc"),
    logIn: goOIDC,
    method: basic,
    openid: true,
    refuses: { token: /ID token: oidc: id token issued by a different provider/ },
  },
  {
    name: "MCP conformance",
    version: () => npm("@modelcontextprotocol/conformance"),
    logIn: conformance,
    // It prefers the form to Basic.
    method: "client_secret_post",
    refuses: { response: /Invalid iss parameter/ },
  },
];

// codex lets Codex CLI register itself with the method none. If it gets no secret that
// way, it uses a client that is already registered.
async function codex(t, { deployment, provider }) {
  const flags = provider.registersNone ? [] : await registered(t, deployment);
  const cli = await Codex.install(t, codexVersion);
  const user = async (url) => finish(await browse(url));
  const login = await cli.login(deployment.mcp, { flags, user });
  assert.equal(login.code, 0, login.output);
  assert.match(login.output, /Successfully logged in/);
  assert.ok((await cli.credentials()).access_token);
}

// registered resolves to the flags for a client with the callback of Codex. Codex chooses
// its path, so this starts a login to see it.
async function registered(t, deployment) {
  const [port] = await freePorts(1);
  const flags = [`--config=mcp_oauth_callback_port=${port}`];
  const cli = await Codex.install(t, codexVersion);
  let callback;
  const user = async (url) => {
    callback = new URL(url).searchParams.get("redirect_uri");
    await Promise.all(cli.children.map((child) => child.stop()));
  };
  await cli.login(deployment.mcp, { flags: [...flags, "--oauth-client-id=any"], user });
  const { client_id, client_secret } = await obtain(deployment, { redirect_uris: [callback] });
  // With =, because an id may start with a dash.
  return [...flags, `--oauth-client-id=${client_id}`, `--oauth-client-secret=${client_secret}`];
}

// mcpSDK runs the MCP TypeScript SDK's own flow, from the MCP server's URL to the tokens.
async function mcpSDK(t, { deployment }) {
  const client = new SDKClient(deployment.known && (await obtain(deployment, { redirect_uris: [redirectURI] })));
  assert.equal(await auth(client, { serverUrl: deployment.mcp }), "REDIRECT");
  const callback = new URL(await browse(client.authorizationURL)).searchParams;
  assert.equal(callback.get("state"), client.expected);
  assert.equal(await auth(client, { serverUrl: deployment.mcp, authorizationCode: callback.get("code") }), "AUTHORIZED");
  if (deployment.gateway && !deployment.known) assert.equal(client.information.token_endpoint_auth_method, "client_secret_basic");
  assert.ok(client.saved.access_token);
}

// SDKClient is an application that is made with the SDK. Its metadata names no method, which means
// client_secret_basic.
class SDKClient extends SDKStorage {
  redirectUrl = redirectURI;
  clientMetadata = { client_name: "e2e", redirect_uris: [redirectURI], grant_types: ["authorization_code"] };
  expected = crypto.randomBytes(16).toString("base64url");

  constructor(information) {
    super();
    this.information = information;
  }

  state() { return this.expected; }
}

// openidClient checks the issuer of the metadata, of the authorization response and of the
// ID token.
async function openidClient(t, { deployment, provider }) {
  const algorithm = provider.openid ? "oidc" : "oauth2";
  const options = { algorithm, execute: [oidc.allowInsecureRequests] };
  const config = await configure(deployment, options);
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = provider.openid && oidc.randomNonce();
  const parameters = {
    redirect_uri: redirectURI,
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    // OpenID Connect Core section 3.1.2.1 makes nonce optional here, and glewlwyd requires it.
    ...(provider.openid && { scope: "openid", nonce: expectedNonce }),
  };
  const pushes = Boolean(config.serverMetadata().pushed_authorization_request_endpoint);
  const buildURL = pushes ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl;
  const callback = await browse((await buildURL(config, parameters)).href, redirectURI);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(callback), { pkceCodeVerifier, expectedState, ...(expectedNonce && { expectedNonce }) });
  assert.ok(tokens.access_token);
  if (provider.openid) await useOtherEndpoints(config, tokens, provider.subject);
}

// configure resolves to what openid-client knows of the server and of its client.
async function configure(deployment, options) {
  const server = new URL(deployment.issuer);
  const metadata = { redirect_uris: [redirectURI] };
  if (deployment.known) {
    const { client_id, client_secret } = await obtain(deployment, metadata);
    return oidc.discovery(server, client_id, {}, oidc.ClientSecretBasic(client_secret), options);
  }
  // The metadata names no method, which means client_secret_basic.
  const config = await oidc.dynamicClientRegistration(server, metadata, oidc.ClientSecretBasic(), options);
  if (deployment.gateway) assert.equal(config.clientMetadata().token_endpoint_auth_method, "client_secret_basic");
  return config;
}

// useOtherEndpoints authenticates at the other endpoints, too.
export async function useOtherEndpoints(config, tokens, subject) {
  const { sub } = tokens.claims();
  assert.match(sub, subject);
  assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, sub)).sub, sub);
  if (!config.serverMetadata().introspection_endpoint) return;
  assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true);
  await oidc.tokenRevocation(config, tokens.access_token);
  assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, false);
}

// goOIDC runs coreos/go-oidc with golang.org/x/oauth2, in ../clients/gooidc. It checks the
// issuer of the metadata and of the ID token.
async function goOIDC(t, { deployment, provider }) {
  const { client_id, client_secret } = await obtain(deployment, { redirect_uris: [redirectURI] });
  const child = new Process("gooidc", path.join(build, "gooidc"), [], { input: "pipe", env: {} });
  t.after(() => child.stop());
  const send = (line) => child.child.stdin.write(`${JSON.stringify(line)}\n`);
  send({ issuer: deployment.issuer, client_id, client_secret, redirect_uri: redirectURI });
  const [first] = await child.saw(/^\{.*\n/);
  const { authorization_url, error } = JSON.parse(first);
  assert.ok(authorization_url, error);
  send(await browse(authorization_url));
  assert.equal(await child.exit(), 0, child.output);
  const last = JSON.parse(child.stdout.trimEnd().split("\n").at(-1));
  assert.match(last.subject ?? "", provider.subject, last.error);
}

// No provider here supports client ID metadata documents.
const expected = {
  "authorization-server-metadata": "SUCCESS",
  "authorization-server-metadata-cimd": "WARNING",
  "authorization-code-grant": "SUCCESS",
};

const program = path.join(import.meta.dirname, "../node_modules/@modelcontextprotocol/conformance/dist/index.js");

// conformance runs the MCP project's tests of authorization servers: of the metadata and
// of the authorization code grant. They check the issuer of both.
async function conformance(t, { deployment }) {
  const [port] = await freePorts(1);
  const { client_id, client_secret } = await obtain(deployment, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const settings = await write(t, "settings.json", { url: deployment.issuer, clientId: client_id, clientSecret: client_secret });
  const results = path.dirname(settings);
  const child = new Process("conformance", node22, [
    program,
    "authorization",
    `--file=${settings}`,
    `--port=${port}`,
    `--output-dir=${results}`,
  ]);
  t.after(() => child.stop());
  const [, authorizationURL] = await child.saw(/^(http:\S+response_type=code\S*)\n/m);
  await child.saw(/^Callback server started/m);
  await finish(await browse(authorizationURL));
  const code = await child.exit();
  const checks = await readChecks(results);
  assert.equal(code, 0, JSON.stringify(checks));
  assert.deepEqual(checks, expected);
}

// readChecks resolves to the result of each check, without the text of warnings.
async function readChecks(results) {
  const files = (await fs.readdir(results, { recursive: true })).filter((file) => file.endsWith("checks.json"));
  const checks = await Promise.all(files.map(async (file) => JSON.parse(await fs.readFile(path.join(results, file), "utf8"))));
  return Object.fromEntries(checks.flat().map(({ id, status, errorMessage }) => [id, status === "FAILURE" ? errorMessage : status]));
}
