// Real clients with malformed responses of a provider: directly, through the gateway, and
// through the gateway with repairs. Neither the gateway nor the repairs may make it worse.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { parse } from "yaml";
import { build, ready, start, write } from "../deployment.mjs";
import { freePorts } from "../processes.mjs";
import { cases as malformed } from "./cases.mjs";
import { clients, loggedIn } from "./clients.mjs";
import { changesOf, startProvider, tokens } from "./provider.mjs";
import { table, ways, worse } from "./table.mjs";

const cases = malformed.map((one) => ({ ...one, kind: one.id.at("case-".length) }));
const results = [];
const page = await fs.readFile(path.join(import.meta.dirname, "../../docs/compatibility.md"), "utf8");
// The repairs that the page documents.
const { repair } = parse(page.match(/```yaml\n([^`]*)```/)[1]);

test("each case with each client", { timeout: 1_000_000, concurrency: 3 }, async (t) => {
  await Promise.all(cases.map((one) => t.test(`${one.id} ${one.reply}`, { timeout: 240_000 }, (t) => tryAll(t, one))));
});

test("correct responses are accepted", () => {
  const correct = results.filter(({ id }) => id.endsWith("00"));
  const best = ({ kind, client }) => (kind === "D" ? client.refresh.at(-1) : "yes");
  for (const result of correct) assert.deepEqual(result.outcomes, ways.map(() => best(result)), describe(result));
});

test("no cell is worse through the gateway or with repairs", () => {
  assert.deepEqual(worse(results).map(describe), []);
});

test("docs/compatibility.md holds the table", async () => {
  const markdown = table(cases, results);
  await fs.writeFile(path.join(build, "malformed.md"), `${markdown}\n`);
  assert.ok(page.includes(markdown), "the page is not current: copy e2e/.build/malformed.md");
});

const form = (names) => ({
  type: "application/x-www-form-urlencoded",
  text: `access_token=token&token_type=Bearer&expires_in=3600&refresh_token=refresh${names}`,
});
const nulls = (...names) => ({ members: Object.fromEntries(names.map((name) => [name, null])) });

const providers = [
  { name: "forms", changes: { token: form(""), refresh: { status: 200, ...form("&scope=read") } } },
  {
    name: "nulls",
    changes: {
      metadata: nulls("scopes_supported", "service_documentation", "grant_types_supported", "revocation_endpoint"),
      registration: nulls("client_secret", "client_secret_expires_at", "contacts", "logo_uri", "redirect_uris", "scope"),
      token: nulls("scope", "id_token"),
      refresh: { status: 200, text: JSON.stringify({ ...tokens, scope: null, id_token: null }) },
    },
  },
];

for (const { name, changes } of providers) {
  test(`Codex logs in, refreshes and lists tools at a provider that responds with ${name}`, { timeout: 120_000 }, async (t) => {
    const provider = await startProvider(t, changes);
    const codex = await loggedIn(t, await startGateway(t, provider, { repair }));
    assert.deepEqual(await codex.tools(), ["ping"]);
    await codex.expire();
    assert.deepEqual(await codex.tools(), ["ping"]);
    assert.deepEqual(provider.grants, ["authorization_code", "refresh_token"]);
  });
}

// tryAll lets each client read the response of a case in each way.
async function tryAll(t, one) {
  const provider = await startProvider(t, changesOf(one));
  const origins = [provider.origin, await startGateway(t, provider), await startGateway(t, provider, { repair })];
  for (const client of clients.filter((client) => client.kinds.includes(one.kind))) {
    const attempts = [];
    for (const origin of origins) attempts.push(await attempt(t, client, origin, one.kind));
    const outcomes = attempts.map(({ outcome }) => outcome);
    results.push({ ...one, client, outcomes, reasons: attempts.map(({ reason }) => reason) });
  }
}

// attempt resolves to the outcome, and to the reason if the client refuses the response.
async function attempt(t, client, origin, kind) {
  try {
    return { outcome: (await client.logIn(t, origin, kind)) ?? "yes" };
  } catch (error) {
    // A program that hangs is no refusal.
    if (/ took longer than /.test(error.message)) throw error;
    return { outcome: "no", reason: [error.message, error.cause?.message].join(" ") };
  }
}

// startGateway starts one gateway at a time, so that each listens on its ports before the next
// looks for free ones.
let starting = Promise.resolve();
function startGateway(...args) {
  const started = starting.then(() => startNow(...args));
  starting = started.catch(() => {});
  return started;
}

// startNow resolves to the origin of a gateway in front of the provider. config is added to
// its configuration. The provider builds its URLs from the Host, so the gateway needs public_url.
async function startNow(t, provider, config = {}) {
  const [port, adminPort] = await freePorts(2);
  const origin = `http://127.0.0.1:${port}`;
  const file = await write(t, "oauthgw.yaml", {
    listen: `127.0.0.1:${port}`,
    public_url: origin,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: provider.origin },
    ...config,
  });
  const gateway = start(t, "oauthgw", ["serve", `--config.file=${file}`]);
  // Healthy and not ready: some providers have no usable metadata.
  await ready(gateway, `http://127.0.0.1:${adminPort}/-/healthy`);
  return origin;
}

function describe({ id, client, outcomes, reasons }) {
  const words = (way, i) => `${way}: ${outcomes[i]} ${reasons[i] ?? ""}`.trim();
  return [`${id}, ${client.name}`, ...ways.map(words)].join("\n  ");
}
