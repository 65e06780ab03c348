// The gateway, the provider behind it and the MCP server behind both.
import fs from "node:fs/promises";
import path from "node:path";
import { startMcpServer } from "./mcp-server.mjs";
import { freePorts, Process } from "./processes.mjs";

export const build = path.join(import.meta.dirname, ".build");

// deploy starts what a client needs, and ends it with the test. Without the
// gateway the provider is what the client reaches. A config is
// the gateway's besides the flags.
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
    const line = metrics.split("\n").find((line) => line.startsWith(`${series} `));
    return Number(line?.slice(series.length) ?? 0);
  };
  return {
    origin,
    // admin is where operators look.
    admin,
    // sample is the value of one of the gateway's metrics.
    sample,
    // observations resolves to what arrived at the provider's token and
    // revocation endpoint, in order, once there are that many. They come
    // through a pipe, so the client can be done before they are read.
    observations: async (count) => {
      await provider.saw(new RegExp(`(?:^\\{.*\n){${count}}`, "m"));
      return provider.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
    },
    // clientAuth counts what the gateway was shown at the token endpoint and
    // the provider accepted, by method.
    clientAuth: (method) => sample(`oauthgw_client_auth_total{auth_method="${method}",endpoint="token",outcome="accepted"}`),
  };
}

// start runs a program of this repository until the test ends.
export function start(t, program, args) {
  const process = new Process(program, path.join(build, program), args);
  // SIGINT, because after a SIGTERM the gateway goes on for a while.
  t.after(() => process.stop("SIGINT"));
  return process;
}

// write writes a file that goes with the test. JSON is also YAML.
export async function write(t, name, document) {
  await fs.mkdir(build, { recursive: true });
  const directory = await fs.mkdtemp(path.join(build, "files-"));
  t.after(() => fs.rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, name);
  await fs.writeFile(file, JSON.stringify(document), { mode: 0o600 });
  return file;
}

// ready resolves as soon as the URL answers 200, and fails with the process.
export async function ready(process, url) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => null);
    if (answer?.ok) return;
    await Promise.race([process.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    if (process.child.exitCode !== null) break;
  }
  throw new Error(`${process.name} is not ready:\n${process.output}`);
}
