// The commands of docs/getting-started.md work as they are, in an empty home directory.
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

test("the page's commands let Codex log in and leave nothing behind", { timeout: 600_000 }, async (t) => {
  const home = await emptyHome(t);
  const terminal = new Terminal(t, { cwd: home, env: environment(home) });
  const ports = await freePorts(4);
  const [provider, mcp, gateway, admin] = ports;
  const here = (lines) => elsewhere(lines, { 3000: provider, 3001: mcp, 8080: gateway, 9180: admin });

  for (const block of commands.filter((block) => block !== browser)) {
    const lines = here(block.text);
    const login = block.words.includes("login");
    if (login) terminal.child.stdin.write(noNetwork);
    block.words.includes("fails") ? terminal.typeFailing(lines) : terminal.type(lines);
    if (login) await allowAccess(terminal, here(browser.text));
    const status = await terminal.done(300);
    assert.equal(status !== 0, block.words.includes("fails"), `${lines}${terminal.output}`);
    block.printed = terminal.output;
  }

  const printed = (command) => commands.find((block) => block.text.includes(command)).printed;
  await t.test("the doctor reports the problem that the page quotes", () => {
    checkQuote("Credentials sent by HTTP Basic (client_secret_basic) are not read, so every client that uses it fails.", printed("doctor"));
  });
  const logins = commands.filter((block) => block.words.includes("login"));
  await t.test("Codex fails, and later succeeds, as the page says", () => {
    assert.equal(logins.length, 2);
    checkQuote("Missing client_id parameter", logins[0].printed);
    checkQuote("Successfully logged in.", logins[1].printed);
  });
  await t.test("success looks as the page says", () => {
    const seen = printed("codex mcp list");
    assert.match(seen, /^demo .* OAuth *$/m);
    for (const piece of ['"status":200', '"outcome":"accepted"', '"auth_method":"client_secret_basic"']) checkQuote(piece, seen);
    const series = 'oauthgw_client_auth_total{auth_method="client_secret_basic",endpoint="token",outcome="accepted"}';
    checkQuote(series, seen);
    assert.ok(seen.includes(`${series} 1\n`), seen);
    assert.match(seen, /^\{"path":"\/oauth2\/tokens","authorization":false,"parameters":\[.*"client_id","client_secret".*\]\}$/m);
  });
  await t.test("nothing is left", async () => {
    await assert.rejects(fs.access(path.join(home, "oauthgw-trial")), { code: "ENOENT" });
    assert.deepEqual(await Promise.all(ports.map(isFree)), ports.map(() => true));
  });
});

// emptyHome is not under /tmp, where Codex does not use its own helpers.
async function emptyHome(t) {
  await fs.mkdir(build, { recursive: true });
  const home = await fs.mkdtemp(path.join(build, "newcomer-"));
  t.after(() => fs.rm(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

// environment is empty except for the caches of downloads.
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
    // The certificate authority of this network, if it has its own.
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? "",
  };
}

// Codex cannot reach the network outside: the proxy is a port without a listener.
const noNetwork = `export NO_PROXY=127.0.0.1 ${["HTTP", "HTTPS", "ALL"].map((name) => `${name}_PROXY=http://127.0.0.1:9`).join(" ")}\n`;

// allow runs the command of the other terminal while Codex waits.
async function allowAccess(terminal, command) {
  const [, URL] = await terminal.saw(/(http:\S+[?&]response_type=code\S*)\s/);
  execFileSync("bash", ["--norc", "-euc", command], { env: { PATH: process.env.PATH, URL }, timeout: 30_000 });
}

// checkQuote checks that the page and the output both hold a sentence.
function checkQuote(sentence, seen) {
  assert.ok(said(sentence), `the page does not say ${sentence}`);
  assert.ok(seen.includes(sentence), seen);
}

// isFree reports whether nothing listens on a port.
function isFree(port) {
  return fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(1000) }).then(() => false, () => true);
}
