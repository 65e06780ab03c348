// A provider, the gateway before it in one of its issuer modes, and an MCP
// server whose authorization server is the gateway.
import assert from "node:assert/strict";
import { startMcpServer } from "../mcp-server.mjs";
import { ready, start, write } from "../deployment.mjs";
import { freePorts, Process } from "../processes.mjs";
import { protect } from "./resource.mjs";

const patience = () => ({ signal: AbortSignal.timeout(10_000) });

// deploy starts them until the test ends. With preserve the provider calls
// itself by the gateway's origin; with rewrite by its own, and the gateway
// moves it.
export async function deploy(t, provider, { issuer, passthrough = true }) {
  const [providerPort, gatewayPort, adminPort] = await freePorts(3);
  const upstream = `http://127.0.0.1:${providerPort}`;
  const origin = `http://127.0.0.1:${gatewayPort}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  const resource = await protectedResource(t, provider, origin);
  const [command, ...flags] = provider.program;
  const behind = new Process(provider.name, command, [
    ...flags,
    ...resource.flags,
    `--listen=127.0.0.1:${providerPort}`,
    `--public-url=${{ preserve: origin, rewrite: upstream }[issuer]}`,
  ]);
  t.after(() => behind.stop());
  await behind.saw(/^listening on /m);

  const config = await write(t, "oauthgw.yaml", {
    listen: `127.0.0.1:${gatewayPort}`,
    public_url: origin,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: upstream },
    passthrough,
    // Where legacyd keeps its clients. The others keep them below the registration endpoint.
    registration: { client_configuration: "/oauth2/clients" },
    metadata: { issuer },
  });
  const gateway = start(t, "oauthgw", ["serve", `--config.file=${config}`]);
  await ready(gateway, `${admin}/-/ready`);
  return {
    origin,
    upstream,
    mcp: resource.url,
    metadata: await (await fetch(origin + provider.locations.at(-1), patience())).json(),
    check: () => check(t, config),
    // authenticated counts what the provider accepted at the token endpoint, by
    // method.
    authenticated: async (method) => {
      const metrics = await (await fetch(`${admin}/metrics`, patience())).text();
      const sample = `oauthgw_client_auth_total{auth_method="${method}",endpoint="token",outcome="accepted"} `;
      return Number(metrics.split("\n").find((line) => line.startsWith(sample))?.slice(sample.length) ?? 0);
    },
    // observations are what arrived where clients authenticate at the provider.
    observations: () => behind.stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
  };
}

// check resolves to what the operator is told beforehand.
async function check(t, config) {
  const process = start(t, "oauthgw", ["check", `--config.file=${config}`]);
  assert.equal(await process.exit(), 0, process.output);
  return process.stdout;
}

// protectedResource starts an MCP server behind the provider, which protects
// it, or beside it.
async function protectedResource(t, provider, origin) {
  if (!provider.resource) return { url: await protect(t, origin), flags: [] };
  const server = await startMcpServer();
  t.after(() => server.close());
  return { url: `${origin}/mcp`, flags: [`--resource-url=${server.url}`] };
}
