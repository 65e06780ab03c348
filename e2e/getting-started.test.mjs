// A newcomer follows docs/getting-started.md to the letter, on an empty machine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { build } from "./deployment.mjs";
import { blocks, elsewhere, said, Terminal, top } from "./getting-started.mjs";
import { freePorts } from "./processes.mjs";

const commands = blocks.filter((block) => block.language === "sh");
const browser = commands.find((block) => block.words.includes("browser"));

test("the page's commands let Codex log in, and nothing is left of them", { timeout: 600_000 }, async (t) => {
  const home = await emptyHome(t);
  const terminal = new Terminal(t, { cwd: home, env: environment(home) });
  const ports = await freePorts(4);
  const [provider, mcp, gateway, admin] = ports;
  const here = (lines) => elsewhere(lines, { 3000: provider, 3001: mcp, 8080: gateway, 9090: admin });

  for (const block of commands.filter((block) => block !== browser)) {
    const lines = here(block.text);
    const login = block.words.includes("login");
    if (login) terminal.child.stdin.write(noWayOut);
    block.words.includes("fails") ? terminal.typeFailing(lines) : terminal.type(lines);
    if (login) await allow(terminal, here(browser.text));
    const status = await terminal.done(300);
    assert.equal(status !== 0, block.words.includes("fails"), `${lines}${terminal.output}`);
    block.printed = terminal.output;
  }

  const printed = (command) => commands.find((block) => block.text.includes(command)).printed;
  await t.test("the doctor finds the fault that the page quotes", () => {
    promises("Credentials sent by HTTP Basic (client_secret_basic) are not read, so every client that uses it fails.", printed("doctor"));
  });
  const logins = commands.filter((block) => block.words.includes("login"));
  await t.test("Codex fails, and later succeeds, as the page says", () => {
    assert.equal(logins.length, 2);
    promises("Missing client_id parameter", logins[0].printed);
    promises("Successfully logged in.", logins[1].printed);
  });
  await t.test("success looks as the page says", () => {
    const seen = printed("codex mcp list");
    assert.match(seen, /^demo .* OAuth *$/m);
    for (const piece of ['"status":200', '"outcome":"accepted"', '"auth_method":"client_secret_basic"']) promises(piece, seen);
    const series = 'oauthgw_client_auth_total{auth_method="client_secret_basic",endpoint="token",outcome="accepted"}';
    promises(series, seen);
    assert.ok(seen.includes(`${series} 1\n`), seen);
    assert.match(seen, /^\{"path":"\/oauth2\/tokens","authorization":false,"parameters":\[.*"client_id","client_secret".*\]\}$/m);
  });
  await t.test("nothing is left", async () => {
    await assert.rejects(fs.access(path.join(home, "oauthgw-trial")), { code: "ENOENT" });
    assert.deepEqual(await Promise.all(ports.map(isFree)), ports.map(() => true));
  });
});

// emptyHome is not under /tmp, where Codex does without its own helpers.
async function emptyHome(t) {
  await fs.mkdir(build, { recursive: true });
  const home = await fs.mkdtemp(path.join(build, "newcomer-"));
  t.after(() => fs.rm(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

// environment is a newcomer's, but for what was downloaded before.
function environment(home) {
  const ask = (program, ...args) => execFileSync(program, args, { encoding: "utf8" }).trim();
  return {
    PATH: process.env.PATH,
    HOME: home,
    BROWSER: "/bin/true",
    REPOSITORY: top,
    GOMODCACHE: ask("go", "env", "GOMODCACHE"),
    GOCACHE: ask("go", "env", "GOCACHE"),
    GOPROXY: ask("go", "env", "GOPROXY"),
    npm_config_cache: ask("npm", "config", "get", "cache"),
    npm_config_registry: ask("npm", "config", "get", "registry"),
    npm_config_prefer_offline: "true",
    npm_config_userconfig: path.join(import.meta.dirname, ".npmrc"),
    // The certificate authority of the network, where it has its own.
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? "",
  };
}

// What Codex wants of the network outside ends at a port where nobody listens.
const noWayOut = `export NO_PROXY=127.0.0.1 ${["HTTP", "HTTPS", "ALL"].map((name) => `${name}_PROXY=http://127.0.0.1:9`).join(" ")}\n`;

// allow is what happens in another terminal while Codex waits.
async function allow(terminal, command) {
  const [, URL] = await terminal.saw(/(http:\S+[?&]response_type=code\S*)\s/);
  execFileSync("bash", ["--norc", "-euc", command], { env: { PATH: process.env.PATH, URL }, timeout: 30_000 });
}

// promises checks that the page says something, and that it is so.
function promises(sentence, seen) {
  assert.ok(said(sentence), `the page does not say ${sentence}`);
  assert.ok(seen.includes(sentence), seen);
}

// isFree reports whether nobody answers at a port.
function isFree(port) {
  return fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(1000) }).then(() => false, () => true);
}
