// Clients that hold a key and no secret, at providers that know only secrets.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { decodeJwt } from "jose";
import { checkForwarded, expectedFacts, facts, requestsOf, signature } from "./assertions/checks.mjs";
import { clients } from "./assertions/clients.mjs";
import { deploy, redirectURI } from "./assertions/deployment.mjs";
import { algorithms, makeKey } from "./assertions/keys.mjs";
import { table } from "./assertions/table.mjs";
import { forEach, run } from "./clients/run.mjs";
import { authorize, servers } from "./clients/servers.mjs";
import { build } from "./deployment.mjs";
import { checkDoctor } from "./interop-clients/checks.mjs";
import { doctor } from "./interop-clients/deployment.mjs";
import { providers } from "./interop-clients/providers.mjs";

const limit = { timeout: 170_000 };
const canary = crypto.randomBytes(12).toString("hex");
const keys = Object.fromEntries(await Promise.all(algorithms.map(async (alg) => [alg, await makeKey(alg)])));
const results = [];

// Every key at the first server, and one at each of the others.
const used = { "go-oauth2": algorithms, fosite: ["ES256"], legacy: ["Ed25519"], doorkeeper: ["RS256"] };

for (const server of servers) {
  test(`clients with keys at ${server.name}`, limit, async (t) => {
    const rows = clients.flatMap((client) => used[server.name].map((alg) => row(server, client, alg))).filter(({ job }) => job.grants.length > 0);
    await t.test("fail without the gateway", (t) => failDirectly(t, server, rows));
    const deployment = await deploy(t, server, { clients: rows });
    await t.test("the metadata lists the method", () => checkMetadata(deployment));
    await logIn(t, deployment, rows);
    const sent = requestsOf(deployment.atGateway, deployment.metadata.token_endpoint);
    const received = requestsOf(deployment.atProvider, deployment.metadata.token_endpoint);
    for (const row of rows) {
      await t.test(`${row.client.name} with ${row.job.private_key.alg}`, () => checkRow(row, sent.get(row.id), received.get(row.id)));
    }
    await t.test("the log and the metrics say who it was, and have no secret", () => checkReports(deployment, rows, [...sent.values()].flat()));
    const provider = providers.find(({ name }) => name === server.name);
    await t.test("doctor finds no avoidable problem", (t) => checkDoctor(provider, { issuer: deployment.origin, doctor: (url) => doctor(t, url) }));
  });
}

// row returns a client of the server, whose entry at the gateway has its key.
function row(server, client, alg) {
  const id = `${client.name} ${alg}`.replace(/\W+/g, "-");
  const { jwk, pem, kid } = keys[alg];
  const job = {
    id,
    client_id: id,
    method: "private_key_jwt",
    private_key: { alg, jwk, pem, kid: client.kid && kid },
    grants: client.grants.filter((grant) => server.grants.includes(grant)),
    redirect_uri: redirectURI,
    code_verifier: crypto.randomBytes(32).toString("base64url"),
  };
  return { id, client, job, secret: `${canary}+/% ${alg}`, entry: () => [{ keys: [keys[alg]] }] };
}

// logIn runs every client with the jobs of its rows.
async function logIn(t, { metadata }, rows) {
  const { issuer, token_endpoint, authorization_endpoint } = metadata;
  for (const { job } of rows) {
    Object.assign(job, { issuer, token_endpoint });
    if (job.grants.includes("authorization_code")) job.callback = await authorize(authorization_endpoint, job);
  }
  await forEach(new Set(rows.map(({ client }) => client)), 2, async (client) => {
    const mine = rows.filter((row) => row.client === client);
    const outcomes = await run(t, client, mine.map(({ job }) => job));
    for (const row of mine) row.outcomes = outcomes.get(row.id);
  });
}

// failDirectly lets every client fail at the provider itself, which is the right one for a secret.
async function failDirectly(t, server, rows) {
  const deployment = await deploy(t, server, { clients: rows, gateway: false });
  await logIn(t, deployment, rows);
  const worked = rows.filter(({ outcomes }) => Object.values(outcomes).includes("ok"));
  assert.deepEqual(worked.map(({ id }) => id), []);
  assert.ok(requestsOf(deployment.atGateway, deployment.metadata.token_endpoint).size > 0);
}

function checkMetadata({ metadata }) {
  const methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
  assert.deepEqual(metadata.token_endpoint_auth_methods_supported.toSorted(), methods);
  const listed = metadata.token_endpoint_auth_signing_alg_values_supported;
  assert.deepEqual([...algorithms, "EdDSA"].filter((alg) => !listed.includes(alg)), []);
}

function checkRow(row, sent, received) {
  const { client, job, outcomes } = row;
  assert.deepEqual(outcomes, Object.fromEntries(job.grants.map((grant) => [grant, "ok"])));
  assert.deepEqual(sent.map(({ form }) => form.get("grant_type")), job.grants);
  for (const request of sent) assert.deepEqual(facts(request), expectedFacts(row));
  assert.equal(received.length, sent.length);
  received.forEach((request, i) => checkForwarded(sent[i], request, row));
  results.push({ client, sent: facts(sent[0]) });
}

async function checkReports({ process, metrics, sample }, rows, sent) {
  assert.equal(await sample('oauthgw_client_auth_total{auth_method="private_key_jwt",endpoint="token",outcome="accepted"}'), sent.length);
  const text = process.output + (await metrics());
  const logged = process.output.split("\n").filter((line) => line.includes('"auth_method":"private_key_jwt"')).map((line) => JSON.parse(line));
  const known = Object.fromEntries(rows.map(({ id, job }) => [id, keys[job.private_key.alg].kid]));
  assert.deepEqual(Object.fromEntries(logged.map(({ client_id, key }) => [client_id, key])), known);
  assert.ok(!text.includes(canary), "a secret");
  for (const request of sent) {
    assert.ok(!text.includes(signature(request)), "an assertion");
    assert.ok(!text.includes(decodeJwt(request.form.get("client_assertion")).jti), "a jti");
  }
}

// The mistakes that the applications make.
test("a rejected assertion", limit, async (t) => {
  const [server] = servers;
  const custom = (client) => ["authlib", "MSAL oauth2cli"].includes(client.name);
  const shown = ["openid-client 6", "oauth4webapi", "authlib", "MSAL oauth2cli"].map((name) => clients.find((client) => client.name === name));
  const wrong = shown.map((client) => row(server, client, "ES256"));
  const right = shown.filter(custom).map((client) => ({ ...row(server, client, "PS256"), entry: (origin) => [{ keys: [keys.PS256], audience: `${origin}/token` }] }));
  const again = row(server, { ...shown.at(-1), name: "regenerative" }, "RS256");
  again.job.variant = "regenerative";
  const deployment = await deploy(t, server, { clients: [...wrong, ...right, again] });
  for (const { job } of [...wrong, ...right]) job.audience = `${deployment.origin}/token`;

  await t.test("names the token endpoint, and the application sees why", async (t) => {
    await logIn(t, deployment, wrong);
    for (const { id, outcomes } of wrong) assert.match(outcomes.client_credentials, /invalid_client.*must be the issuer of this authorization server and nothing else/, id);
  });
  await t.test("names the token endpoint, and the gateway expects it", async (t) => {
    await logIn(t, deployment, right);
    for (const { id, job, outcomes } of right) assert.deepEqual(outcomes, Object.fromEntries(job.grants.map((grant) => [grant, "ok"])), id);
  });
  await t.test("is used again by MSAL's regenerative assertion", async (t) => {
    await logIn(t, deployment, [again]);
    assert.equal(again.outcomes.authorization_code, "ok");
    assert.match(again.outcomes.refresh_token, /create a new one for each request/);
  });
});

test("the table of the results", async () => {
  const markdown = table(clients, results);
  console.log(`\n${markdown}\n`);
  await fs.writeFile(path.join(build, "assertions.md"), `${markdown}\n`);
});
