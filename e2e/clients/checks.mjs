// Checks of what the clients, the log and the metrics say.
import assert from "node:assert/strict";
import { loggedIn } from "./table.mjs";

// requestsOf returns the log entries of the token endpoint, by client.
export function requestsOf(log) {
  const requests = new Map();
  for (const line of log.trimEnd().split("\n")) {
    const { endpoint, client_id, ...entry } = JSON.parse(line);
    if (endpoint === "token") requests.set(client_id, [...(requests.get(client_id) ?? []), entry]);
  }
  return requests;
}

// checkRow compares a row's outcomes and the gateway's log entries with what is expected.
export function checkRow(row, requests) {
  const { job, method, outcomes, expected } = row;
  const id = expected === "colon" ? job.client_id.split(":")[0] : job.client_id;
  const mine = requests.get(id) ?? [];
  const logged = mine.map(({ status, outcome, auth_method }) => ({ status, outcome, auth_method }));
  if (row.pinned) assert.ok(mine.every(({ basic_decoding }) => basic_decoding === "raw"));
  if (expected === "misreading") assert.ok(mine.every(({ basic_decoding }) => basic_decoding === "ambiguous"));
  if (expected === "success") {
    assert.ok(loggedIn(row), JSON.stringify(outcomes));
    const accepted = { status: 200, outcome: "accepted", auth_method: method };
    return assert.deepEqual(logged, job.grants.map(() => accepted));
  }
  assert.ok(Object.values(outcomes).every((outcome) => outcome !== "ok"), JSON.stringify(outcomes));
  assert.deepEqual(logged, expected === "unable" ? [] : refusals(row));
}

// refusals returns what the gateway logs when the server rejects the credentials. Without
// tokens there is no attempt to refresh them.
function refusals({ server, job, client, method, expected }) {
  const answer = expected === "colon" ? server.unknownClient : { status: 401, outcome: "rejected" };
  const methods = client.retriesByForm ? ["client_secret_basic", "client_secret_post"] : [method];
  const attempts = job.grants.filter((grant) => grant !== "refresh_token");
  return attempts.flatMap(() => methods.map((auth_method) => ({ ...answer, auth_method })));
}

// checkNoSecrets fails if the text holds a secret of the rows or a piece of one.
export function checkNoSecrets(text, rows, canary) {
  const found = rows.flatMap((row) => secretsIn(text, row).map((form) => `${row.name}: ${form}`));
  assert.deepEqual(found, []);
  for (const trace of [canary, ...traces(canary)]) assert.ok(!text.includes(trace), "a piece of a secret");
  // The text is the right one: it holds the ids.
  for (const { job, expected } of rows) {
    if (expected === "success") assert.ok(text.includes(JSON.stringify(job.client_id)), job.client_id);
  }
}

// secretsIn returns the names of a row's secrets that occur in the text.
function secretsIn(text, { job }) {
  return Object.entries(forms(job)).filter(([, form]) => text.includes(form)).map(([name]) => name);
}

// forms returns the secrets of a job in every encoding.
function forms({ client_id, client_secret, code_verifier, callback }) {
  const encoded = encodeURIComponent(client_secret);
  const form = new URLSearchParams({ s: client_secret }).toString().slice(2);
  return {
    secret: client_secret,
    "secret in JSON": JSON.stringify(client_secret).slice(1, -1),
    "secret URI-encoded": encoded,
    "secret form-encoded": form,
    "Basic pair, raw in UTF-8": base64(`${client_id}:${client_secret}`),
    "Basic pair, raw in Latin-1": base64(`${client_id}:${client_secret}`, "latin1"),
    "Basic pair, URI-encoded": base64(`${encodeURIComponent(client_id)}:${encoded}`),
    "Basic pair, form-encoded": base64(`${new URLSearchParams({ s: client_id }).toString().slice(2)}:${form}`),
    code_verifier,
    code: callback.code,
    state: callback.state,
  };
}

// traces returns the pieces of base64 that every encoded text with the canary holds,
// wherever the canary begins.
function traces(canary) {
  return [0, 1, 2].map((offset) => base64(" ".repeat(offset) + canary).slice(offset && offset + 1, -4));
}

function base64(text, encoding = "utf8") {
  return Buffer.from(text, encoding).toString("base64");
}
