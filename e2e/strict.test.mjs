// Clients that check what metadata says log in through the gateway at real
// providers, under the provider's own issuer and under another; where that
// cannot work, oauthgw check has said so.
import assert from "node:assert/strict";
import test from "node:test";
import { clients } from "./strict/clients.mjs";
import { deploy } from "./strict/deployment.mjs";
import { conformance } from "./strict/conformance.mjs";
import { providers } from "./strict/providers.mjs";
import { registers } from "./strict/registration.mjs";

const limit = { timeout: 170_000 };
const patience = () => ({ signal: AbortSignal.timeout(10_000) });

// What check says of what a client will object to under another issuer.
const warnings = {
  iss: /^Authorization responses name the issuer http/m,
  "ID token": /^ID tokens and JWT access tokens name the issuer http/m,
};

for (const provider of providers) {
  for (const mode of ["preserve", "rewrite"]) {
    test(`${provider.name}, issuer: ${mode}`, limit, async (t) => {
      const deployment = await deploy(t, provider, mode);
      const told = await deployment.check();
      await t.test("the metadata is the gateway's and lists both methods", () => truthful(deployment, provider));
      await t.test("a registration is translated both ways", () => registers(deployment));
      for (const client of clients.filter((client) => provider.openid || !client.openidOnly)) {
        const objection = mode === "rewrite" && objects(client, provider);
        await t.test(`${client.name} ${objection ? "refuses, as check said" : "logs in"}`, async (t) => {
          if (!objection) return loggedIn(t, deployment, provider, client);
          assert.match(told, warnings[objection]);
          await assert.rejects(client.login(t, deployment, provider));
        });
      }
      if (mode === "preserve") await t.test("the MCP project's conformance tests", (t) => conformance(t, deployment, provider));
      await t.test("the provider saw no Authorization where clients authenticate", () => {
        assert.ok(deployment.observations().length > 0);
        for (const observation of deployment.observations()) assert.equal(observation.authorization, false, JSON.stringify(observation));
      });
    });
  }
}

// objects returns what a client checks that the provider says under its own
// issuer only.
function objects(client, provider) {
  if (client.checks.includes("iss") && provider.issParameter) return "iss";
  if (client.checks.includes("ID token") && provider.openid) return "ID token";
}

async function truthful({ origin, metadata }, provider) {
  assert.equal(metadata.issuer, origin);
  assert.equal(new URL(metadata.token_endpoint).origin, origin);
  for (const location of provider.locations) {
    const first = await fetch(origin + location, patience());
    const document = await first.json();
    assert.equal(document.issuer, origin);
    for (const method of ["client_secret_basic", "client_secret_post"]) {
      assert.ok(document.token_endpoint_auth_methods_supported.includes(method), method);
    }
    const again = await fetch(origin + location, { ...patience(), headers: { "if-none-match": first.headers.get("etag") }, cache: "no-store" });
    assert.equal(again.status, 304);
  }
}

// loggedIn lets a client log in, by Basic unless the provider makes a public
// client of it.
async function loggedIn(t, deployment, provider, client) {
  const method = client.asksForNone && !provider.registersNone ? "none" : "client_secret_basic";
  const before = await deployment.authenticated(method);
  await client.login(t, deployment, provider);
  assert.equal(await deployment.authenticated(method), before + 1, method);
}
