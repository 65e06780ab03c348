// The agents: how each logs in, uses a tool, and refreshes its token. None holds a secret.
import crypto from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { browse, finish } from "../browser.mjs";
import { Codex } from "../codex.mjs";
import { build, npm } from "../deployment.mjs";
import { Process } from "../processes.mjs";
import { SDKStorage } from "../sdk-storage.mjs";

// An agent is the client of a name, and supports client ID metadata documents (CIMD) or not.
// install resolves to a program with these methods:
//   logIn   logs in, with the user's consent
//   tools   resolves to the names of the tools
//   expire  lets the next use of a tool need a new access token
//   held    resolves to what the program stored and printed
// refusal is the error without a registration endpoint, and lost the one without metadata at the
// origin of the MCP server. An agent with onlyAtOrigin looks for it nowhere else. logInAs logs in
// with an id of the operator.
export const agents = [
  codex("0.92", { onlyAtOrigin: true }),
  codex("0.171", { cimd: true, logInAs: (program, id) => program.logIn([`--oauth-client-id=${id}`]) }),
  {
    name: "MCP TypeScript SDK",
    version: () => npm("@modelcontextprotocol/sdk"),
    client: "sdk",
    cimd: true,
    install: (t, deployment) => new SDK(deployment),
    refusal: /does not support dynamic client registration/,
    lost: /HTTP 404/,
    logInAs: (program, id) => {
      program.information = { client_id: id };
      return program.logIn();
    },
  },
  {
    name: "mcp-remote",
    version: () => npm("mcp-remote"),
    client: "mcp-remote",
    cimd: true,
    install: (t, deployment, mode) => MCPRemote.install(t, deployment, mode),
    refusal: /does not support dynamic client registration/,
    lost: /RegistrationRejectedError: Dynamic Client Registration rejected \(HTTP 404\)/,
    logInAs: (program, id, scope) => {
      program.flags.push("--static-oauth-client-info", JSON.stringify({ client_id: id }));
      // By default it asks for the scopes openid, email and profile.
      program.flags.push("--static-oauth-client-metadata", JSON.stringify({ scope }));
      return program.logIn();
    },
  },
];

const user = async (url) => finish(await browse(url));

// codex returns a version of Codex CLI. It uses CIMD by default, and registers itself otherwise.
function codex(version, more) {
  const install = async (t, deployment) => {
    const cli = await Codex.install(t, version);
    return {
      logIn: async (flags = []) => {
        const { code, output } = await cli.login(deployment.mcp, { flags, user });
        if (code !== 0) throw new Error(output);
      },
      tools: () => cli.tools(),
      expire: () => cli.expire(),
      held: async () => (await filesIn(cli.home)) + cli.children.map((child) => child.output).join(""),
    };
  };
  return {
    name: "Codex CLI",
    version: () => npm(`codex-${version}`),
    client: "codex",
    install,
    refusal: /Dynamic client registration not supported/,
    // It does not notice that the MCP server needs a login.
    lost: /^Added global MCP server 'e2e'\.$/m,
    ...more,
  };
}

// SDK is an application that is made with the MCP TypeScript SDK. It is also what the application
// has to store for the SDK.
class SDK extends SDKStorage {
  redirectUrl = "http://127.0.0.1/sdk/callback";
  clientMetadata = {
    client_name: "e2e",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
  };
  expected = crypto.randomBytes(16).toString("base64url");

  constructor(deployment) {
    super();
    this.deployment = deployment;
    [this.clientMetadataUrl] = deployment.client("sdk").aliases;
  }

  state() { return this.expected; }

  async logIn() {
    const transport = new StreamableHTTPClientTransport(new URL(this.deployment.mcp), { authProvider: this });
    await new Client({ name: "e2e", version: "1" }).connect(transport).catch((error) => {
      if (!(error instanceof UnauthorizedError)) throw error;
    });
    const callback = new URL(await browse(this.authorizationURL)).searchParams;
    await transport.finishAuth(callback.get("code"));
  }

  tools() { return tools(this.deployment.mcp, { authProvider: this }); }
  expire() { this.deployment.withdraw(); }
  held() { return JSON.stringify({ ...this, deployment: undefined }); }
}

// tools resolves to the names of an MCP server's tools.
export async function tools(url, options) {
  const client = new Client({ name: "e2e", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
  const { tools } = await client.listTools();
  await client.close();
  return tools.map(({ name }) => name);
}

// MCPRemote is the program that connects agents without OAuth to an MCP server.
class MCPRemote {
  sessions = [];

  static async install(t, deployment, mode) {
    const remote = new MCPRemote();
    remote.home = await fs.mkdtemp(path.join(build, "files-"));
    t.after(async () => {
      await remote.stop();
      await fs.rm(remote.home, { recursive: true, force: true, maxRetries: 5 });
    });
    const [document] = deployment.client("mcp-remote").aliases;
    remote.flags = [deployment.mcp, `${deployment.callbackPort}`, "--allow-http", "--transport", "http-only"];
    if (mode.aliases) remote.flags.push("--client-metadata-url", document);
    remote.expire = deployment.withdraw;
    return remote;
  }

  // start starts a session.
  start() {
    const program = path.join(import.meta.dirname, "../node_modules/mcp-remote/dist/proxy.js");
    // In this PATH it finds no browser.
    const env = { PATH: this.home, BROWSER: "/bin/true", HOME: this.home, MCP_REMOTE_CONFIG_DIR: this.home };
    const session = new Process("mcp-remote", process.execPath, [program, ...this.flags], { input: "pipe", cwd: this.home, env });
    session.child.stdin.on("error", () => {}); // the output says why
    this.sessions.push(session);
    const clientInfo = { name: "e2e", version: "1" };
    this.send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
  }

  async logIn() {
    this.start();
    const [, authorizationURL] = await this.sessions.at(-1).saw(/visiting:\n(http\S+)\n/);
    await user(authorizationURL);
    await this.result(1);
  }

  // tools uses the session and ends it. If the token expired during a session, the request for the
  // tools and the one for the stream of the server could both refresh it.
  async tools() {
    if (this.stopped) this.start();
    await this.result(1);
    this.send({ method: "notifications/initialized" });
    this.send({ id: 2, method: "tools/list" });
    const { tools } = await this.result(2);
    await this.stop();
    return tools.map(({ name }) => name);
  }

  send(message) {
    this.sessions.at(-1).child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  // result resolves to the result of the request with an id.
  async result(id) {
    const [line] = await this.sessions.at(-1).saw(new RegExp(`^\\{.*"id":${id}\\b.*\n`, "m"));
    return JSON.parse(line).result;
  }

  async stop() {
    await Promise.all(this.sessions.map((session) => session.stop()));
    this.stopped = true;
  }

  async held() {
    return (await filesIn(this.home)) + this.sessions.map((session) => session.output).join("");
  }
}

// filesIn resolves to the content of all files in a directory.
async function filesIn(directory) {
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => fs.readFile(file, "latin1")))).join("\n");
}
