// Whether what happened is what was to happen.
import assert from "node:assert/strict";
import { loggedIn } from "./table.mjs";

// exchangesOf returns what the gateway logged of the token endpoint, by client.
export function exchangesOf(log) {
  const exchanges = new Map();
  for (const line of log.trimEnd().split("\n")) {
    const { endpoint, client_id, ...exchange } = JSON.parse(line);
    if (endpoint === "token") exchanges.set(client_id, [...(exchanges.get(client_id) ?? []), exchange]);
  }
  return exchanges;
}

// judge compares what happened to a row with what was to happen: what the
// client says, and what the gateway logged.
export function judge(row, exchanges) {
  const { job, method, outcomes, expected } = row;
  const id = expected === "colon" ? job.client_id.split(":")[0] : job.client_id;
  const mine = exchanges.get(id) ?? [];
  const logged = mine.map(({ status, outcome, client_auth }) => ({ status, outcome, client_auth }));
  if (row.pinned) assert.ok(mine.every(({ reading }) => reading === "raw"));
  if (expected === "misreading") assert.ok(mine.every(({ reading }) => reading === "ambiguous"));
  if (expected === "success") {
    assert.ok(loggedIn(row), JSON.stringify(outcomes));
    const accepted = { status: 200, outcome: "accepted", client_auth: method };
    return assert.deepEqual(logged, job.grants.map(() => accepted));
  }
  assert.ok(Object.values(outcomes).every((outcome) => outcome !== "ok"), JSON.stringify(outcomes));
  assert.deepEqual(logged, expected === "unable" ? [] : refusals(row));
}

// refusals is what the gateway logs when the server does not take what it was
// told. Without tokens there is no attempt to refresh them.
function refusals({ server, job, client, method, expected }) {
  const answer = expected === "colon" ? server.unknownClient : { status: 401, outcome: "rejected" };
  const methods = client.asksAgain ? ["client_secret_basic", "client_secret_post"] : [method];
  const attempts = job.grants.filter((grant) => grant !== "refresh_token");
  return attempts.flatMap(() => methods.map((client_auth) => ({ ...answer, client_auth })));
}
