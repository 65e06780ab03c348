// Checks of what passed the recorders in front of the gateway and of the provider.
import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { field, text } from "../agents/recorder.mjs";

// requestsOf returns the requests of each client at an endpoint, by id. Those at the gateway name
// their client in the assertion.
export function requestsOf(exchanges, endpoint) {
  const { pathname } = new URL(endpoint);
  const requests = new Map();
  for (const exchange of exchanges.filter(({ path }) => path === pathname)) {
    const form = new URLSearchParams(exchange.form);
    const id = form.has("client_assertion") ? decodeJwt(form.get("client_assertion")).sub : form.get("client_id");
    requests.set(id, [...(requests.get(id) ?? []), { ...exchange, form }]);
  }
  return requests;
}

// checkForwarded checks that the provider received the parameters of a request in their order, then
// the credentials that it knows, and no trace of the assertion.
export function checkForwarded(sent, received, { id, secret }) {
  const replaced = ["client_id", "client_assertion", "client_assertion_type"];
  const kept = [...sent.form].filter(([name]) => !replaced.includes(name));
  assert.deepEqual([...received.form], [...kept, ["client_id", id], ["client_secret", secret]]);
  assert.deepEqual(field(received, "authorization"), []);
  assert.ok(!text({ ...received, form: "" }).includes(signature(sent)));
  assert.ok(!text({ ...sent, form: "" }).includes(secret), "the client received the secret");
}

export const signature = ({ form }) => form.get("client_assertion").split(".")[2];

// facts returns what a client sent.
export function facts({ form }) {
  const claims = decodeJwt(form.get("client_assertion"));
  const header = decodeProtectedHeader(form.get("client_assertion"));
  return {
    client_id: form.has("client_id") ? "yes" : "no",
    alg: header.alg,
    typ: header.typ ?? "absent",
    kid: header.kid,
    aud: claims.aud,
    lifetime: claims.exp - claims.iat,
    fractions: !Number.isInteger(claims.exp),
    claims: Object.keys(claims).sort(),
  };
}

// expectedFacts returns what a client is known to send.
export function expectedFacts({ client, job }) {
  const { ed25519 = "Ed25519", ...rest } = client.sends;
  const { alg, kid } = job.private_key;
  return { fractions: false, ...rest, alg: alg === "Ed25519" ? ed25519 : alg, kid, aud: job.issuer };
}
