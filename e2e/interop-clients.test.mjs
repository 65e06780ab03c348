// Clients that check the issuer and register themselves, through the gateway in both of
// its issuer modes, at old providers. Most read credentials only from the form.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { build } from "./deployment.mjs";
import { checkDoctor, checkMetadata, checkProviderAlone } from "./interop-clients/checks.mjs";
import { clients, warnings } from "./interop-clients/clients.mjs";
import { deploy } from "./interop-clients/deployment.mjs";
import { direct, expectedWarnings, modes, preserve, providers } from "./interop-clients/providers.mjs";
import { checkRegistrations } from "./interop-clients/registration.mjs";
import { table } from "./interop-clients/table.mjs";

const limit = { timeout: 120_000 };
const outcomes = [];

for (const provider of providers) {
  test(`${provider.name}, ${direct.name}`, limit, async (t) => {
    const deployment = await deploy(t, provider, direct);
    for (const client of clientsOf(provider)) {
      await t.test(client.name, (t) => logInDirectly(t, { client, provider, deployment }));
    }
  });
  for (const mode of modes(provider)) {
    test(`${provider.name}, ${mode.name}`, limit, async (t) => {
      const deployment = await deploy(t, provider, mode);
      const alone = provider.readsBasic ? "reads" : "refuses";
      await t.test(`the provider ${alone} Basic without the gateway`, () => checkProviderAlone(provider, deployment));
      await t.test("the metadata names the gateway and both methods, and revalidates", () => checkMetadata(provider, deployment));
      await t.test("doctor finds no avoidable problem at the gateway", () => checkDoctor(provider, deployment));
      if (!provider.preregistered) {
        await t.test("registrations for Basic are recorded for the form", () => checkRegistrations(provider, deployment));
      }
      const printed = await deployment.gateway.check();
      await t.test("check prints what the mode breaks", () => checkWarnings(provider, mode, printed));
      for (const client of clientsOf(provider)) {
        await t.test(client.name, (t) => logIn(t, { client, provider, mode, deployment, printed }));
      }
    });
  }
}

test("no client that logs in without the gateway fails with it", () => {
  for (const { client, provider, mode, refusal } of outcomes) {
    if (mode !== direct || refusal) continue;
    const fronted = outcomes.find((o) => o.client === client && o.provider === provider && o.mode === preserve);
    assert.ok(fronted && !fronted.refusal, `${client.name} at ${provider.name}`);
  }
});

test("the table of the results", async () => {
  const markdown = table(providers, clients, outcomes);
  console.log(`\n${markdown}\n`);
  await fs.writeFile(path.join(build, "interop-clients.md"), `${markdown}\n`);
});

function clientsOf(provider) {
  return clients.filter((client) => provider.openid || !client.openid);
}

function checkWarnings(provider, mode, printed) {
  const expected = expectedWarnings(provider, mode);
  for (const [name, pattern] of Object.entries(warnings)) assert.equal(pattern.test(printed), expected.includes(name), printed);
  if (expected.length === 0) assert.match(printed, /^metadata OK: no problems for strict clients$/m);
}

// logInDirectly lets a client log in without the gateway, or fail.
async function logInDirectly(t, { client, provider, deployment }) {
  let refusal;
  await client.logIn(t, { deployment, provider }).catch((error) => {
    t.diagnostic(words(error));
    refusal = "direct";
  });
  outcomes.push({ client, provider, mode: direct, refusal });
}

// logIn lets a client log in, or refuse for a known reason, and checks how it
// authenticated on both sides of the gateway.
async function logIn(t, { client, provider, mode, deployment, printed }) {
  const before = await deployment.gateway.authenticated(client.method);
  const seen = deployment.observations().length;
  const refusal = expectedWarnings(provider, mode).find((name) => client.refuses?.[name]);
  if (refusal) {
    const isKnown = (error) => client.refuses[refusal].test(words(error)) || assert.fail(error);
    await assert.rejects(client.logIn(t, { deployment, provider }), isKnown);
    assert.match(printed, warnings[refusal]);
  } else {
    await client.logIn(t, { deployment, provider });
    assert.equal(await deployment.gateway.authenticated(client.method), before + 1);
    assert.ok(deployment.observations().slice(seen).some(({ path }) => path === provider.tokenPath));
  }
  for (const { path, authorization, parameters } of deployment.observations().slice(seen)) {
    assert.equal(authorization, false, `${path} received Authorization`);
    assert.ok(parameters.includes("client_secret"), `${path} received ${parameters}`);
  }
  outcomes.push({ client, provider, mode, refusal });
}

// words returns the messages of an error and its causes.
function words(error) {
  return error ? `${error.message} ${words(error.cause)}` : "";
}
