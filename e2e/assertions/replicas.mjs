// Replicas of the gateway in front of one provider, as behind a load balancer.
import crypto from "node:crypto";
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
