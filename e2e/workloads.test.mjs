// Tokens of workloads, which are sent again until they expire, and the endpoints beside the token
// endpoint.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import test from "node:test";
import { PrivateKeyJwtProvider, StaticPrivateKeyJwtProvider } from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import * as oidc from "openid-client-6";
import { tools } from "./agents/agents.mjs";
import { checkForwarded, requestsOf } from "./assertions/checks.mjs";
import { deploy, redirectURI } from "./assertions/deployment.mjs";
import { form, makeKey, serviceAccountToken, sign, signAs } from "./assertions/keys.mjs";
import { browse } from "./browser.mjs";
import { javascript } from "./clients/catalogue.mjs";
import { run } from "./clients/run.mjs";
import { servers } from "./clients/servers.mjs";
import { useOtherEndpoints } from "./interop-clients/clients.mjs";
import { providers } from "./interop-clients/providers.mjs";

const limit = { timeout: 120_000 };
const subject = "system:serviceaccount:pay:billing";
const cluster = "https://kubernetes.default.svc.cluster.local";
const secretOf = (id) => `${crypto.randomBytes(12).toString("hex")}+/% ${id}`;
const staticProvider = { name: "StaticPrivateKeyJwtProvider", program: javascript("StaticPrivateKeyJwtProvider") };

test("tokens of workloads", limit, async (t) => {
  const key = await makeKey("RS256");
  const own = await makeKey("ES256");
  const billing = { id: "billing", secret: secretOf("billing"), entry: () => [{ keys: [key], issuer: cluster, subject }] };
  const ledger = { id: "ledger", secret: secretOf("ledger"), entry: () => [{ keys: [own] }] };
  const deployment = await deploy(t, servers[0], { clients: [billing, ledger] });
  const { issuer, token_endpoint } = deployment.metadata;
  const token = await serviceAccountToken(key, { issuer: cluster, subject, audience: issuer });
  const send = async (assertion, parameters = {}) => {
    const body = form(assertion, { grant_type: "client_credentials", ...parameters });
    const response = await fetch(token_endpoint, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
    const { error, error_description } = await response.json();
    return { status: response.status, error, description: error_description };
  };
  const jobs = (id, assertion) => [0, 1, 2].map((number) => ({ id: number, client_id: id, issuer, token_endpoint, assertion, grants: ["client_credentials"] }));

  await t.test("Kubernetes: the workload sends it three times", async () => {
    for (let i = 0; i < 3; i++) assert.equal((await send(token)).status, 200);
    const sent = requestsOf(deployment.atGateway, token_endpoint).get(subject);
    const received = requestsOf(deployment.atProvider, token_endpoint).get("billing");
    assert.equal(received.length, 3);
    received.forEach((request, i) => checkForwarded(sent[i], request, billing));
  });
  await t.test("Kubernetes: the MCP SDK's StaticPrivateKeyJwtProvider sends it three times", async (t) => {
    const outcomes = await run(t, staticProvider, jobs("billing", token));
    assert.deepEqual([...outcomes.values()], Array(3).fill({ client_credentials: "ok" }));
  });
  await t.test("the client's own key: StaticPrivateKeyJwtProvider works once", async (t) => {
    const outcomes = await run(t, staticProvider, jobs("ledger", await signAs(own, "ledger", issuer)));
    const [first, ...others] = [...outcomes.values()].map(({ client_credentials }) => client_credentials);
    assert.equal(first, "ok");
    for (const outcome of others) assert.match(outcome, /create a new one for each request/);
  });
  const changes = {
    "another service account": { sub: `${subject}2`, expected: /./ },
    "the audience of the API server": { aud: [cluster], expected: /must be the issuer of this authorization server and nothing else/ },
    "two audiences": { aud: [issuer, cluster], expected: /must be the issuer of this authorization server and nothing else/ },
    "another cluster": { iss: "https://other.example", expected: /./ },
  };
  for (const [name, { expected, ...change }] of Object.entries(changes)) {
    await t.test(`Kubernetes: ${name}`, async () => {
      const claims = { iss: cluster, sub: subject, aud: [issuer], ...change };
      const { status, error, description } = await send(await sign(key, claims, { kid: key.kid }), { client_id: "billing" });
      assert.deepEqual([status, error], [400, "invalid_client"]);
      assert.match(description, expected);
    });
  }
});

// The MCP SDK finds the gateway by the MCP server, and uses a tool with the token.
test("MCP agents with a key and with a token of a workload", limit, async (t) => {
  const key = await makeKey("ES256");
  const agent = { id: "agent", secret: secretOf("agent"), entry: () => [{ keys: [key] }] };
  const billing = { id: "billing", secret: secretOf("billing"), entry: () => [{ keys: [key], issuer: cluster, subject }] };
  const { origin, metadata } = await deploy(t, providers.find(({ name }) => name === "fosite"), { clients: [agent, billing] });
  const token = await serviceAccountToken(key, { issuer: cluster, subject, audience: metadata.issuer });
  const authProviders = [
    new PrivateKeyJwtProvider({ clientId: "agent", privateKey: key.pem, algorithm: key.alg, expectedIssuer: metadata.issuer }),
    new StaticPrivateKeyJwtProvider({ clientId: "billing", jwtBearerAssertion: token, expectedIssuer: metadata.issuer }),
  ];
  for (const authProvider of authProviders) assert.deepEqual(await tools(`${origin}/mcp`, { authProvider }), ["ping"]);
});

// openid-client authenticates at every endpoint of oidc-provider, always with the issuer as audience.
test("clients with a key at every endpoint", limit, async (t) => {
  const known = { id: "known-to-the-gateway", secret: secretOf("one"), signer: await makeKey("Ed25519") };
  known.entry = () => [{ keys: [known.signer] }];
  const native = { id: "known-to-the-provider", key: await makeKey("ES256") };
  const provider = providers.find(({ name }) => name === "oidc-provider");
  const deployment = await deploy(t, provider, { clients: [known, native] });
  const requests = async ({ id }, key) => {
    await useEveryEndpoint(id, key, deployment.metadata.issuer, provider.subject);
    return Object.entries({ token: 2, revocation: 1, introspection: 2, pushed_authorization_request: 1 }).flatMap(([name, count]) => {
      const [sent, received] = [deployment.atGateway, deployment.atProvider].map((list) => requestsOf(list, deployment.metadata[`${name}_endpoint`]).get(id));
      assert.deepEqual([sent.length, received.length], [count, count], name);
      return sent.map((request, i) => [request, received[i]]);
    });
  };
  await t.test("the gateway knows the key, and the provider the secret", async () => {
    for (const [sent, received] of await requests(known, known.signer)) checkForwarded(sent, received, known);
  });
  await t.test("the provider knows the key, and the gateway changes nothing", async () => {
    for (const [sent, received] of await requests(native, native.key)) assert.equal(String(received.form), String(sent.form));
  });
});

// useEveryEndpoint pushes an authorization request, logs in, refreshes, introspects and revokes.
async function useEveryEndpoint(id, key, issuer, subject) {
  const options = { algorithm: "oidc", execute: [oidc.allowInsecureRequests] };
  const config = await oidc.discovery(new URL(issuer), id, {}, oidc.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }), options);
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const url = await oidc.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: redirectURI,
    scope: "openid",
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const callback = new URL(await browse(url.href, redirectURI));
  const tokens = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState });
  await useOtherEndpoints(config, await oidc.refreshTokenGrant(config, tokens.refresh_token), subject);
}
