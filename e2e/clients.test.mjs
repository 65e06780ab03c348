// Real client libraries log in through the gateway, with hard secrets, at
// servers that read client credentials only from the form.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { catalogue } from "./clients/catalogue.mjs";
import { checkNoSecrets, checkRow, requestsOf } from "./clients/checks.mjs";
import { matrix } from "./clients/matrix.mjs";
import { forEach, record, run, vectors } from "./clients/run.mjs";
import { authorize, checkServerAlone, control, servers, startServer } from "./clients/servers.mjs";
import { table } from "./clients/table.mjs";
import { build } from "./deployment.mjs";

const limit = { timeout: 170_000 };
const canary = crypto.randomBytes(12).toString("hex");

test("real clients through the gateway", limit, async (t) => {
  const seen = new Map();
  for (const client of catalogue) {
    await t.test(`${client.name} writes Basic as ${client.encoding}`, () => onTheWire(t, client, seen));
  }

  const rows = matrix(servers, canary);
  const deployments = new Map();
  for (const server of servers) deployments.set(server, await deploy(t, server, rows));
  for (const server of servers) {
    await t.test(`${server.name} refuses Basic without the gateway`, () => checkServerAlone(server, deployments.get(server)));
  }

  await logIn(t, rows);
  const evidence = new Map();
  for (const [server, deployment] of deployments) {
    const metrics = await deployment.metrics();
    const log = await deployment.log();
    evidence.set(server, { metrics, log, requests: requestsOf(log) });
  }
  for (const row of rows) await t.test(row.name, () => checkRow(row, evidence.get(row.server).requests));

  for (const server of servers) {
    await t.test(`no secret in the log and the metrics in front of ${server.name}`, () => {
      const { log, metrics } = evidence.get(server);
      checkNoSecrets(log + metrics, rows.filter((row) => row.server === server), canary);
    });
  }
  const markdown = table(catalogue, rows, seen);
  console.log(`\n${markdown}\n`);
  // Without the reporter's prefix on every line.
  await fs.writeFile(path.join(build, "clients.md"), `${markdown}\n`);
});

// onTheWire logs in with the credentials of the vectors at a server that records requests,
// and finds out which encoder wrote them.
async function onTheWire(t, client, seen) {
  const recorder = await record(t);
  const known = vectors(client);
  const job = {
    id: 0,
    issuer: recorder.metadata.issuer,
    token_endpoint: recorder.metadata.token_endpoint,
    ...known.credentials,
    method: "client_secret_basic",
    variant: client.variant,
    grants: ["authorization_code"],
    callback: { code: "code", state: "state" },
    code_verifier: canary.repeat(2),
    redirect_uri: "http://127.0.0.1/callback",
  };
  const outcomes = await run(t, client, [job]);
  assert.deepEqual(outcomes.get(0), { authorization_code: "ok" });
  const [request, ...more] = recorder.requests;
  assert.deepEqual(more, []);
  const names = known.encoders.filter(({ header }) => header === request.authorization).map(({ name }) => name);
  seen.set(client, names.join(" or ") || "unknown");
  assert.ok(names.includes(client.encoding), `it sent ${request.authorization}`);
  const beside = ["client_id", "client_secret"].filter((name) => request.form.has(name));
  assert.deepEqual(beside, client.beside, "credentials in the form beside Basic");
}

// deploy starts a server with its rows' clients and a gateway in front of it, and
// completes the rows' jobs with the server's metadata and codes.
async function deploy(t, server, rows) {
  const mine = rows.filter((row) => row.server === server);
  const deployment = await startServer(t, server, {
    clients: [...mine.map((row) => row.registered), control],
    pinned: mine.filter((row) => row.pinned).map((row) => row.job.client_id),
  });
  const { issuer, authorization_endpoint, token_endpoint, token_endpoint_auth_methods_supported } = deployment.metadata;
  assert.deepEqual(token_endpoint_auth_methods_supported.toSorted(), ["client_secret_basic", "client_secret_post"]);
  for (const { job } of mine) {
    job.issuer = issuer;
    job.token_endpoint = token_endpoint;
    job.callback = await authorize(authorization_endpoint, job);
  }
  return deployment;
}

// logIn runs every client with the jobs of its rows.
async function logIn(t, rows) {
  await forEach(catalogue, 3, async (client) => {
    const mine = rows.filter((row) => row.client === client);
    const outcomes = await run(t, client, mine.map(({ job }) => job));
    for (const row of mine) row.outcomes = outcomes.get(row.job.id);
  });
}
