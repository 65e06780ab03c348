// The gateway, the provider behind it, the MCP server behind both, and the versions of
// the programs.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { startMcpServer } from "./mcp-server.mjs";
import { freePorts, Process } from "./processes.mjs";

export const build = path.join(import.meta.dirname, ".build");

// deploy starts everything that a client needs and stops it with the test. Without the
// gateway the client reaches the provider. config is added to the gateway's
// configuration.
export async function deploy(t, { gateway = true, config } = {}) {
  const mcp = await startMcpServer();
  t.after(() => mcp.close());
  const [providerPort, gatewayPort, adminPort] = await freePorts(3);
  const upstream = `http://127.0.0.1:${providerPort}`;
  const origin = gateway ? `http://127.0.0.1:${gatewayPort}` : upstream;

  const provider = start(t, "legacyd", [
    `--listen=127.0.0.1:${providerPort}`,
    `--public-url=${origin}`,
    `--resource-url=${mcp.url}`,
  ]);
  await provider.saw(/^listening on /m);

  const admin = `http://127.0.0.1:${adminPort}`;
  if (gateway) {
    const process = start(t, "oauthgw", [
      "serve",
      `--config.file=${await write(t, "oauthgw.yaml", { registration: { client_configuration: "/oauth2/clients" }, ...config })}`,
      `--upstream.url=${upstream}`,
      `--listen=127.0.0.1:${gatewayPort}`,
      `--admin.listen=127.0.0.1:${adminPort}`,
    ]);
    await ready(process, `${admin}/-/ready`);
  }
  const sample = async (series) => {
    const metrics = await (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
    return sampleOf(metrics, series);
  };
  return {
    origin,
    // admin is the origin of the admin listener.
    admin,
    // sample resolves to the value of one of the gateway's series.
    sample,
    // observations resolves to the requests at the provider's token and revocation
    // endpoints, in order, as soon as there are that many. The provider prints them, so
    // the client may end before they can be read.
    observations: async (count) => {
      await provider.saw(new RegExp(`(?:^\\{.*\n){${count}}`, "m"));
      return provider.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
    },
    // clientAuth counts the token requests with a method that the provider accepted.
    clientAuth: (method) => sample(`oauthgw_client_auth_total{auth_method="${method}",endpoint="token",outcome="accepted"}`),
  };
}

// serve starts a gateway with a configuration until the test ends.
export async function serve(t, config) {
  const process = start(t, "oauthgw", ["serve", `--config.file=${await write(t, "oauthgw.yaml", config)}`]);
  const admin = `http://${config.admin.listen}`;
  await ready(process, `${admin}/-/ready`);
  const metrics = async () => (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
  return {
    process,
    admin,
    metrics,
    // sample resolves to the value of one of its series.
    sample: async (series) => sampleOf(await metrics(), series),
  };
}

function sampleOf(metrics, series) {
  const line = metrics.split("\n").find((line) => line.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}

// start runs a program of this repository until the test ends.
export function start(t, program, args) {
  const process = new Process(program, path.join(build, program), args);
  // SIGINT, because after SIGTERM the gateway drains.
  t.after(() => process.stop("SIGINT"));
  return process;
}

// write writes a file that is removed after the test. JSON is also YAML. A text is written as it is.
export async function write(t, name, document) {
  await fs.mkdir(build, { recursive: true });
  const directory = await fs.mkdtemp(path.join(build, "files-"));
  t.after(() => fs.rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, name);
  await fs.writeFile(file, typeof document === "string" ? document : JSON.stringify(document), { mode: 0o600 });
  return file;
}

// ready resolves as soon as the URL responds with 200, and rejects when the process ends.
export async function ready(process, url) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => null);
    if (answer?.ok) return;
    await Promise.race([process.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    if (process.child.exitCode !== null) break;
  }
  throw new Error(`${process.name} is not ready:\n${process.output}`);
}

export const output = (program, ...args) => execFileSync(program, args, { encoding: "utf8", timeout: 10_000 });

// npm is the installed version of a package of npm.
export function npm(name) {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "node_modules", name, "package.json"), "utf8")).version;
}

// debian is the version of a package of Debian, without Debian's own suffixes.
export function debian(name) {
  return output("dpkg-query", "--show", "--showformat=${Version}", name).match(/^(?:\d+:)?([\d.]+)/)[1];
}

// golang is the version of a module in a program.
export function golang(module, program) {
  const modules = output("go", "version", "-m", path.join(build, program));
  return modules.match(new RegExp(`\\t${module}\\tv(\\S+)`))[1];
}
