// Replicas of the gateway in front of one provider, as behind a load balancer, and checks of two of
// them, with and without a Redis that works.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { record } from "../clients/run.mjs";
import { serve, write } from "../deployment.mjs";
import { freePorts } from "../processes.mjs";
import { entries } from "./deployment.mjs";
import { form, makeKey, serviceAccountToken, signAs } from "./keys.mjs";

const issuer = "https://login.example";
const cluster = "https://kubernetes.default.svc.cluster.local";
const subject = "system:serviceaccount:pay:billing";

// startReplicas starts replicas with the state, until the test ends. They have three clients: one
// signs with its own key, one is a workload, and one has a secret.
export async function startReplicas(t, count, state) {
  const keys = { own: await makeKey("ES256"), cluster: await makeKey("RS256") };
  const secrets = Object.fromEntries(["own", "workload", "owner"].map((id) => [id, crypto.randomBytes(16).toString("hex")]));
  const accepts = (form) => secrets[form.get("client_id")] === form.get("client_secret") && !form.has("client_assertion");
  const provider = await record(t, { issuer, accepts });
  const clients = await entries(t, [
    { id: "own", secret: secrets.own, entry: () => [{ keys: [keys.own] }] },
    { id: "workload", secret: secrets.workload, entry: () => [{ keys: [keys.cluster], issuer: cluster, subject }] },
  ]);
  const replicas = [];
  for (let i = 0; i < count; i++) replicas.push(await startReplica(t, { provider, clients, state }));
  const token = await serviceAccountToken(keys.cluster, { issuer: cluster, subject, audience: issuer });
  return {
    provider,
    replicas,
    // holds reports whether a text has a secret.
    holds: (text) => Object.values(secrets).some((secret) => text.includes(secret)),
    // own resolves to a request with a new assertion of the client with a key.
    own: async () => ({ body: form(await signAs(keys.own, "own", issuer), { grant_type: "client_credentials" }) }),
    workload: { body: form(token, { grant_type: "client_credentials" }) },
    basic: basic("owner", secrets.owner),
    // wrong is a request with a wrong secret of a client, of which no other test sends any.
    wrong: (id) => basic(id, "wrong"),
  };
}

function basic(id, secret) {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  return { headers: { authorization }, body: new URLSearchParams({ grant_type: "client_credentials" }) };
}

async function startReplica(t, { provider, clients, state }) {
  const [port, adminPort] = await freePorts(2);
  const gateway = await serve(t, {
    listen: `127.0.0.1:${port}`,
    public_url: issuer,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: provider.origin },
    // Failures from loopback itself are not limited.
    trusted_proxies: ["127.0.0.1"],
    clients,
    ...(state && { state }),
  });
  return { ...gateway, send: (request) => send(`http://127.0.0.1:${port}/token`, request) };
}

// send resolves to the response to a request from a client behind the load balancer.
async function send(url, { headers, body }) {
  const forwarded = { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", ...headers };
  const response = await fetch(url, { method: "POST", headers: forwarded, body, signal: AbortSignal.timeout(20_000) });
  const { error, error_description } = await response.json();
  return { status: response.status, error, description: error_description, retryAfter: response.headers.get("retry-after") };
}

export const both = (replicas, request) => Promise.all(replicas.map((replica) => replica.send(request)));
export const statuses = (responses) => responses.map(({ status }) => status);

// checkShared checks that the replicas agree.
export async function checkShared(deployment) {
  const { replicas: [first, second], own } = deployment;
  const request = await own();
  assert.equal((await first.send(request)).status, 200);
  checkReplay(await second.send(request));
  await checkSharedLimit(deployment);
}

// checkSharedLimit checks that failures at the first replica count at the second. On a busy machine
// a failure may not reach Redis in time, and then counts at the first only: another client is tried.
export async function checkSharedLimit({ replicas: [first, second], provider, wrong }) {
  const lost = () => Promise.all([first, second].map(({ sample }) => sample('oauthgw_state_errors_total{operation="failures"}')));
  for (let attempt = 0; ; attempt++) {
    const before = provider.requests.length;
    const errors = await lost();
    for (let i = 0; i < 11; i++) assert.equal((await first.send(wrong(`guessed-${attempt}`))).status, i < 10 ? 401 : 429);
    const limited = await second.send(wrong(`guessed-${attempt}`));
    if (attempt < 5 && String(await lost()) !== String(errors)) {
      await sleep(1000); // in which the replica does not ask Redis
      continue;
    }
    assert.equal(limited.status, 429);
    assert.match(limited.retryAfter, /^\d+$/);
    assert.equal(provider.requests.length, before + 10);
    return;
  }
}

export function checkReplay({ status, error, description }) {
  assert.deepEqual([status, error], [400, "invalid_client"]);
  assert.match(description, /create a new one for each request/);
}

// checkWithout checks what works while Redis does not.
export async function checkWithout({ replicas, own, workload, basic, provider }) {
  const before = provider.requests.length;
  for (const response of await both(replicas, await own())) checkUnavailable(response);
  assert.equal(provider.requests.length, before);
  assert.deepEqual(statuses(await both(replicas, workload)), [200, 200]);
  assert.deepEqual(statuses(await both(replicas, basic)), [200, 200]);
}

export function checkUnavailable({ status, error, retryAfter }) {
  assert.deepEqual([status, error], [503, "temporarily_unavailable"]);
  assert.match(retryAfter, /^\d+$/);
}

// recovers resolves as soon as every replica accepts new assertions and says that Redis is up.
export async function recovers({ replicas, own }) {
  for (const replica of replicas) {
    await until(async () => (await replica.send(await own())).status === 200);
    await until(async () => (await replica.sample("oauthgw_state_up")) === 1);
  }
}

export async function until(condition) {
  for (const end = Date.now() + 30_000; !(await condition()); await sleep(50)) assert.ok(Date.now() < end, `never: ${condition}`);
}
