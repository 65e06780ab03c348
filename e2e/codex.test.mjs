// Codex CLI against the legacy provider, through the gateway and without it.
import assert from "node:assert/strict";
import test from "node:test";
import { Codex } from "./codex.mjs";
import { deploy } from "./deployment.mjs";

const versions = ["0.92", "0.171"];
const limit = { timeout: 120_000 };

for (const version of versions) {
  test(`Codex ${version} is the one that is pinned`, limit, async (t) => {
    const codex = await Codex.install(t, version);
    const child = codex.run(["--version"]);
    assert.equal(await child.exit(), 0, child.output);
    assert.match(child.stdout, new RegExp(`^codex-cli ${version.replace(".", "\\.")}\\.0$`, "m"));
  });

  test(`Codex ${version} registers, logs in by Basic, uses the resource and refreshes`, limit, async (t) => {
    const deployment = await deploy(t);
    const codex = await Codex.install(t, version);

    const login = await codex.login(`${deployment.origin}/mcp`);
    assert.equal(login.code, 0, login.output);
    assert.match(login.output, /Successfully logged in/);

    await t.test("the code is exchanged once, by Basic, and arrives as form parameters", async () => {
      assert.equal(await deployment.clientAuth("client_secret_basic"), 1);
      const [exchange, ...more] = await deployment.observations(1);
      assert.deepEqual(more, []);
      assertPost(exchange, ["code", "code_verifier", "grant_type", "redirect_uri"]);
    });

    const first = await codex.credentials();
    await t.test("the tokens are stored and give access to the resource", async () => {
      assert.match(first.access_token, /^\w{10}-\w{22}$/);
      assert.match(first.refresh_token, /^coder_\w{10}_\w{40}$/);
      assert.deepEqual(await codex.tools(), ["ping"]);
    });

    await t.test("the refresh names only the client and is forwarded unchanged", async () => {
      // Codex stores the client_id of a registration but not the secret, so in a later
      // process it is a public client.
      await codex.expire();
      assert.deepEqual(await codex.tools(), ["ping"]);
      const [, refresh, ...more] = await deployment.observations(2);
      assert.deepEqual(more, []);
      assert.equal(refresh.authorization, false);
      assert.deepEqual(without(refresh.parameters, "resource"), ["client_id", "grant_type", "refresh_token"]);
      const second = await codex.credentials();
      assert.notEqual(second.access_token, first.access_token);
      assert.notEqual(second.refresh_token, first.refresh_token);
    });
  });
}

test("Codex 0.171 with a registered client refreshes by Basic", limit, async (t) => {
  const deployment = await deploy(t);
  const codex = await Codex.install(t, "0.171");
  const client = await register(deployment.origin, ["http://127.0.0.1/callback"]);
  const login = await codex.login(`${deployment.origin}/mcp`, {
    flags: ["--oauth-client-id", client.client_id, "--oauth-client-secret", client.client_secret],
    // Codex chooses the path of the callback, which is known only now.
    beforeConsent: (url) => update(client, deployment.origin, [url.searchParams.get("redirect_uri")]),
  });
  assert.equal(login.code, 0, login.output);
  const first = await codex.credentials();
  assert.equal(first.client_id, client.client_id);

  await codex.expire();
  assert.deepEqual(await codex.tools(), ["ping"]);
  assert.equal(await deployment.clientAuth("client_secret_basic"), 2);
  const [exchange, refresh, ...more] = await deployment.observations(2);
  assert.deepEqual(more, []);
  assertPost(exchange, ["code", "code_verifier", "grant_type", "redirect_uri"]);
  assertPost(refresh, ["grant_type", "refresh_token"]);
  assert.notEqual((await codex.credentials()).refresh_token, first.refresh_token);
});

test("Codex 0.92 fails without the gateway: the provider finds no client_id", limit, async (t) => {
  const deployment = await deploy(t, { gateway: false });
  const codex = await Codex.install(t, "0.92");
  const login = await codex.login(`${deployment.origin}/mcp`);
  assert.notEqual(login.code, 0, login.output);
  assert.match(login.output, /Missing client_id parameter/);
  await assert.rejects(codex.credentials(), { code: "ENOENT" });
  const [exchange, ...more] = await deployment.observations(1);
  assert.deepEqual(more, []);
  assert.equal(exchange.authorization, true);
  assert.deepEqual(exchange.parameters.toSorted(), ["code", "code_verifier", "grant_type", "redirect_uri"]);
});

test("Codex 0.171 works without the gateway: it reads client_secret_post in the metadata", limit, async (t) => {
  const deployment = await deploy(t, { gateway: false });
  const codex = await Codex.install(t, "0.171");
  const login = await codex.login(`${deployment.origin}/mcp`);
  assert.equal(login.code, 0, login.output);
  const [exchange] = await deployment.observations(1);
  assertPost(exchange, ["code", "code_verifier", "grant_type", "redirect_uri"]);
});

// assertPost checks that a token request came without Authorization, with the client's
// credentials and these parameters once each. Only some versions send resource.
function assertPost(observation, parameters) {
  assert.equal(observation.path, "/oauth2/tokens");
  assert.equal(observation.authorization, false);
  assert.deepEqual(without(observation.parameters, "resource"), ["client_id", "client_secret", ...parameters].toSorted());
}

function without(parameters, name) {
  return parameters.filter((parameter) => parameter !== name).toSorted();
}

// register and update are RFC 7591 and RFC 7592, through the gateway.
async function register(origin, redirectURIs) {
  const response = await fetch(`${origin}/oauth2/register`, {
    signal: AbortSignal.timeout(10_000),
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: redirectURIs }),
  });
  assert.equal(response.status, 201);
  return response.json();
}

async function update(client, origin, redirectURIs) {
  const response = await fetch(`${origin}/oauth2/clients/${client.client_id}`, {
    signal: AbortSignal.timeout(10_000),
    method: "PUT",
    headers: { "content-type": "application/json", authorization: `Bearer ${client.registration_access_token}` },
    body: JSON.stringify({ redirect_uris: redirectURIs }),
  });
  assert.equal(response.status, 200);
}
