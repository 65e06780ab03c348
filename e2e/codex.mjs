// Codex CLI, each version with its own home directory.
import fs from "node:fs/promises";
import path from "node:path";
import { consent } from "./browser.mjs";
import { build } from "./deployment.mjs";
import { Process } from "./processes.mjs";

// Codex is one version of the CLI with its own home and one MCP server.
export class Codex {
  children = [];

  // install makes the home directory, which is removed after the test. It is not under
  // /tmp, where Codex does not use its own helpers.
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
    // No keyring, and no network outside: the proxy is a port without a listener.
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

  // login adds the MCP server at the URL, which starts a login, and plays the user.
  // beforeConsent gets the authorization URL. login resolves to the exit code and the
  // output.
  async login(url, { flags = [], beforeConsent = async () => {}, user = consent } = {}) {
    const child = this.run(["mcp", "add", "e2e", ...flags, "--url", url]);
    const [, authorizationURL] = await child.saw(/(http:\S+[?&]response_type=code\S*)\s/);
    await beforeConsent(new URL(authorizationURL));
    await user(authorizationURL);
    return { code: await child.exit(), output: child.output };
  }

  // credentials resolves to what Codex stored after the login.
  async credentials() {
    const stored = JSON.parse(await fs.readFile(this.credentialsFile, "utf8"));
    return Object.values(stored)[0];
  }

  // expire makes Codex treat its access token as expired.
  async expire() {
    const stored = JSON.parse(await fs.readFile(this.credentialsFile, "utf8"));
    for (const entry of Object.values(stored)) entry.expires_at = Date.now() - 60_000;
    await fs.writeFile(this.credentialsFile, JSON.stringify(stored));
  }

  get credentialsFile() {
    return path.join(this.home, ".credentials.json");
  }

  // tools resolves to the names of the MCP server's tools.
  async tools() {
    return (await this.servers()).flatMap((server) => Object.keys(server.tools));
  }

  // servers resolves to the MCP servers with their tools, as Codex's app server lists them.
  // That needs the access token and no model.
  async servers() {
    const child = this.run(["app-server"], { input: "pipe" });
    const send = (message) => child.child.stdin.write(JSON.stringify(message) + "\n");
    send({ id: 1, method: "initialize", params: { clientInfo: { name: "e2e", version: "1" } } });
    await child.saw(/^\{"id":1,.*$/m);
    send({ method: "initialized" });
    send({ id: 2, method: "mcpServerStatus/list", params: {} });
    const [answer] = await child.saw(/^\{"id":2,.*\n/m);
    child.child.stdin.end();
    await child.stop();
    return JSON.parse(answer).result.data;
  }
}
