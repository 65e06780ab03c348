// Codex CLI, each version in a home of its own.
import fs from "node:fs/promises";
import path from "node:path";
import { consent } from "./browser.mjs";
import { build } from "./deployment.mjs";
import { Process } from "./processes.mjs";

// Codex is one version of the CLI with its own home and one MCP server.
export class Codex {
  children = [];

  // install makes the home, which goes with the test, after the processes that
  // use it. It is not under /tmp, where Codex does without its own helpers.
  static async install(t, version) {
    await fs.mkdir(build, { recursive: true });
    const codex = new Codex();
    codex.name = `codex ${version}`;
    codex.program = path.join(import.meta.dirname, "node_modules", `codex-${version}`, "bin", "codex.js");
    codex.home = await fs.mkdtemp(path.join(build, `codex-${version}-`));
    t.after(async () => {
      await Promise.all(codex.children.map((child) => child.stop()));
      await fs.rm(codex.home, { recursive: true, force: true, maxRetries: 5 });
    });
    // Neither a keyring, nor the network outside: whatever Codex wants there
    // ends at a port where nobody listens.
    await fs.writeFile(path.join(codex.home, "config.toml"), 'mcp_oauth_credentials_store = "file"\n');
    const nowhere = "http://127.0.0.1:9";
    codex.environment = {
      PATH: process.env.PATH,
      HOME: codex.home,
      CODEX_HOME: codex.home,
      BROWSER: "/bin/true",
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      ALL_PROXY: nowhere,
      NO_PROXY: "127.0.0.1",
    };
    return codex;
  }

  run(args, options) {
    const child = new Process(this.name, process.execPath, [this.program, ...args], {
      ...options,
      cwd: this.home,
      env: this.environment,
    });
    this.children.push(child);
    return child;
  }

  // login adds the MCP server at the URL, which begins a login, and lets the
  // user play their part. beforeConsent is told the authorization URL. It
  // resolves to the ended process and its exit code.
  async login(url, { flags = [], beforeConsent = async () => {}, user = consent } = {}) {
    const child = this.run(["mcp", "add", "e2e", ...flags, "--url", url]);
    const [, authorizationURL] = await child.saw(/(http:\S+[?&]response_type=code\S*)\s/);
    await beforeConsent(new URL(authorizationURL));
    await user(authorizationURL);
    return { code: await child.exit(), output: child.output };
  }

  // credentials resolves to what Codex keeps of the login.
  async credentials() {
    const stored = JSON.parse(await fs.readFile(this.credentialsFile, "utf8"));
    return Object.values(stored)[0];
  }

  // expire makes Codex believe that its access token has run out.
  async expire() {
    const stored = JSON.parse(await fs.readFile(this.credentialsFile, "utf8"));
    for (const entry of Object.values(stored)) entry.expires_at = Date.now() - 60_000;
    await fs.writeFile(this.credentialsFile, JSON.stringify(stored));
  }

  get credentialsFile() {
    return path.join(this.home, ".credentials.json");
  }

  // tools resolves to the names of the MCP server's tools, as Codex's app
  // server lists them. That needs no model, but the access token.
  async tools() {
    const child = this.run(["app-server"], { input: "pipe" });
    const send = (message) => child.child.stdin.write(JSON.stringify(message) + "\n");
    send({ id: 1, method: "initialize", params: { clientInfo: { name: "e2e", version: "1" } } });
    await child.saw(/^\{"id":1,.*$/m);
    send({ method: "initialized" });
    send({ id: 2, method: "mcpServerStatus/list", params: {} });
    const [answer] = await child.saw(/^\{"id":2,.*\n/m);
    child.child.stdin.end();
    await child.stop();
    const servers = JSON.parse(answer).result.data;
    return servers.flatMap((server) => Object.keys(server.tools));
  }
}
