// Clients that check the issuer, and register themselves, through the gateway
// in both of its issuer modes, at providers that take the form only.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { build } from "./deployment.mjs";
import { clients, warnings } from "./interop-clients/clients/catalogue.mjs";
import { withoutGateway } from "./interop-clients/control.mjs";
import { deploy } from "./interop-clients/deployment.mjs";
import { documents } from "./interop-clients/documents.mjs";
import { modes, stumblingBlocks } from "./interop-clients/modes.mjs";
import { providers } from "./interop-clients/providers.mjs";
import { manage } from "./interop-clients/registrations.mjs";
import { table } from "./interop-clients/table.mjs";

const limit = { timeout: 120_000 };
const outcomes = [];

for (const provider of providers) {
  for (const mode of modes(provider)) {
    test(`${provider.name}, ${mode.name}`, limit, async (t) => {
      const deployment = await deploy(t, provider, mode);
      await t.test("the provider refuses Basic without the gateway", () => withoutGateway(deployment));
      await t.test("the metadata names the gateway and both methods, and revalidates", () => documents(provider, deployment));
      await t.test("registrations for Basic are recorded for the form", () => manage(provider, deployment));
      const told = await deployment.check();
      await t.test("check tells what the mode breaks", () => assertTold(provider, mode, told));
      for (const client of clients) {
        if (client.openid && !provider.openid) continue;
        await t.test(client.name, (t) => logIn(t, { client, provider, mode, deployment, told }));
      }
    });
  }
}

test("the table of what was proven", async () => {
  const markdown = table(providers, clients, outcomes);
  console.log(`\n${markdown}\n`);
  await fs.writeFile(path.join(build, "interop-clients.md"), `${markdown}\n`);
});

function assertTold(provider, mode, told) {
  const due = stumblingBlocks(provider, mode);
  for (const [name, pattern] of Object.entries(warnings)) assert.equal(pattern.test(told), due.includes(name), told);
  if (due.length === 0) assert.match(told, /^metadata OK: no problems for strict clients$/m);
}

// logIn lets a client log in, or be right to refuse, and looks at how it
// authenticated on both sides of the gateway.
async function logIn(t, { client, provider, mode, deployment, told }) {
  const before = await deployment.authenticated(client.method);
  const seen = deployment.observations().length;
  const refusal = stumblingBlocks(provider, mode).find((name) => client.refuses?.[name]);
  if (refusal) {
    const asKnown = (error) => client.refuses[refusal].test(words(error)) || assert.fail(error);
    await assert.rejects(client.logIn(t, { deployment, provider }), asKnown);
    assert.match(told, warnings[refusal]);
  } else {
    await client.logIn(t, { deployment, provider });
    assert.equal(await deployment.authenticated(client.method), before + 1);
    assert.ok(deployment.observations().slice(seen).some(({ path }) => path === provider.tokenPath));
  }
  for (const { path, authorization, parameters } of deployment.observations().slice(seen)) {
    assert.equal(authorization, false, `${path} received Authorization`);
    assert.ok(parameters.includes("client_secret"), `${path} received ${parameters}`);
  }
  outcomes.push({ client, provider, mode, refusal });
}

// words are what an error and its causes say.
function words(error) {
  return error ? `${error.message} ${words(error.cause)}` : "";
}
