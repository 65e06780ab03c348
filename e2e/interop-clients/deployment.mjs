// A provider, the gateway in front of it in one of its issuer modes, and an MCP server
// whose authorization server is the gateway.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { startMcpServer } from "../mcp-server.mjs";
import { ready, start, write } from "../deployment.mjs";
import { freePorts, Process } from "../processes.mjs";

const within10s = () => ({ signal: AbortSignal.timeout(10_000) });

// deploy starts them until the test ends. With preserve the provider's issuer is at the
// gateway's origin. With rewrite it is at the provider's own, and the gateway replaces it.
// A mode without an issuer has no gateway.
export async function deploy(t, provider, mode) {
  const [providerPort, gatewayPort, adminPort] = await freePorts(3);
  const upstream = `http://127.0.0.1:${providerPort}`;
  const origin = mode.issuer ? `http://127.0.0.1:${gatewayPort}` : upstream;
  const published = mode.issuer === "preserve" ? origin : upstream;
  const issuerPath = provider.issuerPath ?? "";
  const resource = await protectedResource(t, provider, origin + issuerPath);
  const [command, ...flags] = provider.program;
  const behind = new Process(provider.name, command, [
    ...flags,
    ...resource.flags,
    `--listen=127.0.0.1:${providerPort}`,
    `--public-url=${published}`,
  ]);
  t.after(() => behind.stop());
  await behind.saw(/^listening on /m);
  const servers = { origin, upstream, published, issuerPath, admin: `127.0.0.1:${adminPort}` };
  const gateway = mode.issuer && (await startGateway(t, provider, mode, servers));
  return {
    origin,
    upstream,
    issuer: origin + issuerPath,
    gateway,
    mcp: resource.url,
    // known is the client of a provider whose clients cannot register.
    known: provider.preregistered && {
      client_id: "e2e",
      // Clients that do not encode it, and form decoders, disagree about it.
      client_secret: `${crypto.randomBytes(12).toString("hex")}+%`,
      registration_client_uri: `${upstream}/client`,
      registration_access_token: "any",
    },
    metadata: await (await fetch(origin + provider.locations.at(-1), within10s())).json(),
    // alone is the issuer at the provider, of which only rewrite lets its metadata speak.
    alone: mode.issuer === "rewrite" && upstream + issuerPath,
    doctor: (url) => doctor(t, url),
    // observations are the requests at the provider's endpoints with client authentication.
    observations: () => behind.stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
  };
}

// startGateway starts the gateway as a provider needs it.
async function startGateway(t, provider, { issuer, passthrough = true }, servers) {
  const { origin, upstream, published, issuerPath, admin } = servers;
  const config = await write(t, "oauthgw.yaml", {
    listen: new URL(origin).host,
    public_url: origin,
    admin: { listen: admin },
    upstream: { url: upstream, ...(issuerPath && { issuer: published + issuerPath }) },
    passthrough,
    // The path at legacyd. The others use paths below the registration endpoint.
    registration: { client_configuration: "/oauth2/clients" },
    metadata: { issuer, patch: provider.patch?.(published) },
    repair: provider.repair,
  });
  const gateway = start(t, "oauthgw", ["serve", `--config.file=${config}`]);
  await ready(gateway, `http://${admin}/-/ready`);
  return {
    check: () => check(t, config),
    // authenticated counts the token requests with a method that the provider accepted.
    authenticated: async (method) => {
      const metrics = await (await fetch(`http://${admin}/metrics`, within10s())).text();
      const sample = `oauthgw_client_auth_total{auth_method="${method}",endpoint="token",outcome="accepted"} `;
      return Number(metrics.split("\n").find((line) => line.startsWith(sample))?.slice(sample.length) ?? 0);
    },
  };
}

// check resolves to the output of oauthgw check.
async function check(t, config) {
  const process = start(t, "oauthgw", ["check", `--config.file=${config}`]);
  assert.equal(await process.exit(), 0, process.output);
  return process.stdout;
}

// doctor resolves to the output of oauthgw doctor about the server at a URL.
export async function doctor(t, url) {
  const process = start(t, "oauthgw", ["doctor", url]);
  await process.exit();
  return process.stdout;
}

// protectedResource starts an MCP server, either behind the provider, which protects it,
// or on an origin of its own.
async function protectedResource(t, provider, issuer) {
  if (!provider.resource) return { url: await startResource(t, issuer, provider.scopes), flags: [] };
  const server = await startMcpServer();
  t.after(() => server.close());
  return { url: `${issuer}/mcp`, flags: [`--resource-url=${server.url}`] };
}

// startResource starts a server that refers every client to the authorization server
// (RFC 9728), and resolves to its URL.
async function startResource(t, issuer, scopes) {
  const server = http.createServer((request, response) => {
    if (request.url.startsWith("/.well-known/oauth-protected-resource")) {
      const document = { resource: `${origin}/mcp`, authorization_servers: [issuer], scopes_supported: scopes };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
    } else if (request.url === "/mcp") {
      const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
      response.writeHead(401, { "www-authenticate": `Bearer resource_metadata="${metadata}"` }).end();
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return `${origin}/mcp`;
}
