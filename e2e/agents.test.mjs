// Agents that hold no secret, at providers that demand one and register no clients.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { agents, tools } from "./agents/agents.mjs";
import { checkIdentifiers, checkMetadata, checkReports, checkRequests } from "./agents/checks.mjs";
import { deploy } from "./agents/deployment.mjs";
import { direct, headerOnly, providers, register } from "./agents/providers.mjs";
import { text } from "./agents/recorder.mjs";
import { table } from "./agents/table.mjs";
import { catalogue } from "./clients/catalogue.mjs";
import { run } from "./clients/run.mjs";
import { authorize } from "./clients/servers.mjs";
import { build } from "./deployment.mjs";

const limit = { timeout: 120_000 };
const outcomes = [];
const names = ["golang.org/x/oauth2", "openid-client 6", "oauth4webapi", "simple-oauth2", "MCP TypeScript SDK"];
const owners = catalogue.filter(({ name }) => names.includes(name));

for (const provider of providers) {
  test(`${provider.name}${provider.note ?? ""}, no gateway`, limit, async (t) => {
    const deployment = await deploy(t, provider, direct);
    for (const agent of agents) {
      await t.test(`${agent.name} ${agent.version()} fails`, (t) => fail(t, { agent, provider, deployment }));
    }
  });
  for (const mode of provider.modes) {
    test(`${provider.name}${provider.note ?? ""}, ${mode.name}`, limit, async (t) => {
      const deployment = await deploy(t, provider, mode);
      await t.test("the metadata says how agents log in", () => checkMetadata(mode, deployment));
      if (mode === register) await t.test("check names the identifiers of Codex", () => checkIdentifiers(deployment));
      for (const agent of agents) {
        await t.test(`${agent.name} ${agent.version()}`, (t) => use(t, { agent, provider, mode, deployment }));
      }
      await t.test("no secret in the log and the metrics", () => checkReports(deployment));
    });
  }
}

// Clients that have a secret of their own and send it in the form.
for (const mode of [direct, ...headerOnly.modes]) {
  test(`${headerOnly.name}, secrets in the form, ${mode.name}`, limit, async (t) => {
    const deployment = await deploy(t, headerOnly, mode);
    if (mode.gateway) await t.test("the metadata lists both methods", () => checkMetadata(mode, deployment));
    for (const client of owners) {
      await t.test(client.name, (t) => logInByForm(t, { client, mode, deployment }));
    }
  });
}

test("the tables of the results", async () => {
  const markdown = [
    table(providers, agents, outcomes),
    table([headerOnly], owners, outcomes),
  ].join("\n\n");
  console.log(`\n${markdown}\n`);
  await fs.writeFile(path.join(build, "agents.md"), `${markdown}\n`);
});

// fail lets an agent try to log in at the provider itself.
async function fail(t, { agent, provider, deployment }) {
  const program = await agent.install(t, deployment, direct);
  await assert.rejects(program.logIn(), provider.issuerPath ? agent.lost : agent.refusal);
  assert.deepEqual(deployment.tokenRequests(), []);
  if (agent.logInAs && !provider.issuerPath) await failWithID(t, { agent, provider, deployment });
  outcomes.push({ agent, provider, mode: direct, works: false });
}

// failWithID lets an agent try to log in at the provider with the id that the operator registered.
async function failWithID(t, { agent, provider, deployment }) {
  const program = await agent.install(t, deployment, direct);
  await assert.rejects(agent.logInAs(program, deployment.client(agent.client).id, provider.scopes.join(" ")));
  assert.match(deployment.atProvider.map(text).join(), provider.refusals?.[agent.client] ?? /"error":"invalid_client"/);
  deployment.forget();
}

// use lets an agent log in, use a tool and refresh its token.
async function use(t, { agent, provider, mode, deployment }) {
  deployment.forget();
  const program = await agent.install(t, deployment, mode);
  const works = !(agent.onlyAtOrigin && provider.issuerPath);
  if (works) {
    await program.logIn();
    assert.deepEqual(await program.tools(), ["ping"]);
    await program.expire();
    assert.deepEqual(await program.tools(), ["ping"]);
    checkRequests({ agent, provider, mode, deployment });
    assert.ok(!deployment.holds(await program.held()), "the agent holds the secret");
  } else {
    await assert.rejects(program.logIn(), agent.lost);
  }
  outcomes.push({ agent, provider, mode, works });
}

// logInByForm lets a client log in and refresh its token, or fail.
async function logInByForm(t, { client, mode, deployment }) {
  deployment.forget();
  const { id, secret, redirects } = deployment.client("sdk");
  const job = {
    id: 0,
    issuer: deployment.origin,
    token_endpoint: deployment.metadata.token_endpoint,
    client_id: id,
    client_secret: secret,
    method: "client_secret_post",
    variant: client.variant,
    grants: ["authorization_code", "refresh_token"],
    code_verifier: crypto.randomBytes(32).toString("base64url"),
    redirect_uri: redirects[0],
  };
  job.callback = await authorize(deployment.metadata.authorization_endpoint, job);
  const outcome = (await run(t, client, [job])).get(0);
  if (mode === direct) {
    assert.doesNotMatch(JSON.stringify(outcome), /"ok"/);
    // This SDK then uses Basic, in an encoding that the provider cannot read.
    assert.match(deployment.tokenRequests()[0].answer, /"error":"invalid_(client|request)"/);
  } else {
    assert.deepEqual(outcome, { authorization_code: "ok", refresh_token: "ok" });
    checkRequests({ agent: { client: "sdk" }, provider: headerOnly, mode, deployment });
    const { access_token } = JSON.parse(deployment.tokenRequests().at(-1).answer);
    const headers = { authorization: `Bearer ${access_token}` };
    assert.deepEqual(await tools(deployment.mcp, { requestInit: { headers } }), ["ping"]);
  }
  outcomes.push({ agent: client, provider: headerOnly, mode, works: mode !== direct });
}
