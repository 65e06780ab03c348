// Looking for secrets where none may be.
import assert from "node:assert/strict";

// unseen fails if a secret of the rows, or a piece of one, is in the text.
export function unseen(text, rows, canary) {
  const found = rows.flatMap((row) => sightings(text, row).map((form) => `${row.name}: ${form}`));
  assert.deepEqual(found, []);
  for (const trace of [canary, ...traces(canary)]) assert.ok(!text.includes(trace), "a piece of a secret");
  // The text is the one that would have held them.
  for (const { job, expected } of rows) {
    if (expected === "success") assert.ok(text.includes(JSON.stringify(job.client_id)), job.client_id);
  }
}

// sightings returns the names of what of a row's secrets occurs in the text.
function sightings(text, { job }) {
  return Object.entries(forms(job)).filter(([, form]) => text.includes(form)).map(([name]) => name);
}

// forms are the ways in which a secret could have been written.
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

// traces returns the pieces of base64 that any text with the canary in it must
// hold, wherever the canary begins.
function traces(canary) {
  return [0, 1, 2].map((offset) => base64(" ".repeat(offset) + canary).slice(offset && offset + 1, -4));
}

function base64(text, encoding = "utf8") {
  return Buffer.from(text, encoding).toString("base64");
}
