// Real clients with malformed responses of a provider, directly and through the gateway, which
// must not make it worse.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { build, ready, start, write } from "../deployment.mjs";
import { freePorts } from "../processes.mjs";
import { cases as malformed } from "./cases.mjs";
import { clients } from "./clients.mjs";
import { changesOf, startProvider } from "./provider.mjs";
import { table, ways, worse } from "./table.mjs";

const cases = malformed.map((one) => ({ ...one, kind: one.id.at("case-".length) }));
const results = [];
const page = await fs.readFile(path.join(import.meta.dirname, "../../docs/compatibility.md"), "utf8");
// All at once, or gateways that start at the same time could choose the same ports.
const ports = await freePorts(2 * cases.length);

test("each case with each client", { timeout: 1_000_000, concurrency: 3 }, async (t) => {
  await Promise.all(cases.map((one) => t.test(`${one.id} ${one.reply}`, { timeout: 240_000 }, (t) => tryAll(t, one))));
});

test("correct responses are accepted", () => {
  const correct = results.filter(({ id }) => id.endsWith("00"));
  const best = ({ kind, client }) => (kind === "D" ? client.refresh.at(-1) : "yes");
  for (const result of correct) assert.deepEqual(result.outcomes, ways.map(() => best(result)), describe(result));
});

test("no cell is worse through the gateway", () => {
  assert.deepEqual(worse(results).map(describe), []);
});

test("docs/compatibility.md holds the table", async () => {
  const markdown = table(cases, results);
  await fs.writeFile(path.join(build, "malformed.md"), `${markdown}\n`);
  assert.ok(page.includes(markdown), "the page is not current: copy e2e/.build/malformed.md");
});

// tryAll lets each client read the response of a case on each way.
async function tryAll(t, one) {
  const provider = await startProvider(t, changesOf(one));
  const origins = [provider.origin, await startGateway(t, provider)];
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

// startGateway resolves to the origin of a gateway in front of the provider. config is added to
// its configuration. The provider builds its URLs from the Host, so the gateway needs public_url.
async function startGateway(t, provider, config = {}) {
  const [port, adminPort] = ports.splice(0, 2);
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
