// A provider that knows only the clients of its operator, the application that it protects on its
// own origin, and the gateway that keeps the clients' secrets. A recorder is in front of each.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { startProgram } from "../clients/servers.mjs";
import { ready, start, write } from "../deployment.mjs";
import { answer } from "../mcp-server.mjs";
import { freePorts } from "../processes.mjs";
import { record } from "./recorder.mjs";

const within10s = () => ({ signal: AbortSignal.timeout(10_000) });

// deploy starts them until the test ends. In a mode without a gateway, clients are at the provider.
export async function deploy(t, provider, mode) {
  const [publicPort, gatewayPort, adminPort, upstreamPort, providerPort, callbackPort] = await freePorts(6);
  const origin = `http://127.0.0.1:${publicPort}`;
  const mcp = `${origin}/mcp`;
  const canary = crypto.randomBytes(16).toString("hex");
  const clients = registered({ canary, mcp, callbackPort, provider });
  const published = mode.rewrite ? `http://127.0.0.1:${upstreamPort}` : origin;
  const known = clients.map(({ id, secret, redirects }) => ({ client_id: id, client_secret: secret, redirect_uris: redirects }));
  await startProgram(t, provider, { clients: known, port: providerPort, origin: published });
  const application = await startApplication(t, provider, upstreamPort, providerPort);
  const gateway = mode.gateway && (await startGateway(t, { provider, mode, clients, origin, published, gatewayPort, adminPort, upstreamPort }));
  const atGateway = await record(t, publicPort, mode.gateway ? gatewayPort : upstreamPort);
  return {
    ...application,
    ...gateway,
    origin,
    mcp,
    callbackPort,
    // atGateway are the exchanges in front of it, and atProvider those in front of the provider.
    atGateway,
    forget: () => [atGateway, application.atProvider].forEach((exchanges) => (exchanges.length = 0)),
    client: (agent) => clients.find((client) => client.agent === agent),
    metadata: await (await fetch(origin + provider.locations[0], within10s())).json(),
    // holds reports whether a text has any client's secret.
    holds: (text) => variants(canary).some((variant) => text.includes(variant)),
  };
}

// registered returns the clients that the operator registers, one for each agent. All secrets
// begin with the canary.
function registered({ canary, mcp, callbackPort, provider }) {
  // Codex derives it from the URL of the MCP server.
  const id = crypto.createHash("sha256").update(mcp).digest().subarray(0, 9).toString("base64url");
  const ofCodex = provider.issParameter ? "" : `/${id}`;
  return [
    {
      agent: "codex",
      // The path with the ID is of Codex 0.171, the other one of Codex 0.92.
      redirects: [...new Set(["http://127.0.0.1/callback", `http://127.0.0.1/callback${ofCodex}`])],
      aliases: [`https://chatgpt.com/oauth/codex${ofCodex}/client.json`],
    },
    { agent: "sdk", redirects: ["http://127.0.0.1/sdk/callback"], aliases: ["https://agent.example/client.json"] },
    {
      agent: "mcp-remote",
      // The exception for ports is for addresses (RFC 8252 section 7.3).
      redirects: [`http://localhost:${callbackPort}/oauth/callback`],
      aliases: ["https://agent.example/mcp-remote.json"],
    },
  ].map((client) => ({ ...client, id: `agents-${client.agent}`, secret: `${canary}+/% ${client.agent}` }));
}

// startApplication starts an MCP server on the provider's own origin. It accepts the provider's
// tokens, and says nothing about itself (RFC 9728).
export async function startApplication(t, provider, port, providerPort) {
  const withdrawn = new Set();
  const atProvider = await record(t, port, providerPort, (request, response) => {
    if (request.url !== "/mcp") return false;
    const [, token] = request.headers.authorization?.match(/^Bearer (.+)$/) ?? [];
    if (issued().includes(token) && !withdrawn.has(token)) answer(request, response).catch(() => response.destroy());
    else response.writeHead(401, { "www-authenticate": "Bearer" }).end();
    return true;
  });
  const tokenRequests = () => atProvider.filter(({ path }) => path === provider.tokenPath);
  const issued = () => tokenRequests().filter(({ status }) => status === 200).map(({ answer }) => JSON.parse(answer).access_token);
  return {
    atProvider,
    tokenRequests,
    // withdraw makes the application reject the tokens that there are.
    withdraw: () => issued().forEach((token) => withdrawn.add(token)),
  };
}

// startGateway starts it as the mode says.
async function startGateway(t, { provider, mode, clients, origin, published, gatewayPort, adminPort, upstreamPort }) {
  const admin = `127.0.0.1:${adminPort}`;
  const entries = {};
  for (const { id, secret, redirects, aliases } of clients) {
    entries[id] = {
      secret_file: await write(t, "secret", secret),
      // The other modes set upstream.client_auth.
      ...(mode.aliases && { provider_auth: provider.auth }),
      public: true,
      redirect_uris: redirects,
      register: true,
      ...(mode.aliases && { aliases }),
    };
  }
  const config = await write(t, "oauthgw.yaml", {
    listen: `127.0.0.1:${gatewayPort}`,
    public_url: origin,
    admin: { listen: admin },
    upstream: {
      url: `http://127.0.0.1:${upstreamPort}`,
      ...(provider.issuerPath && { issuer: published + provider.issuerPath }),
      ...(!mode.aliases && { client_auth: provider.auth }),
    },
    metadata: { issuer: mode.rewrite ? "rewrite" : "preserve", patch: provider.patch?.(published) },
    repair: provider.repair,
    ...(mode.agents && { clients: entries }),
    resources: [{ path: "/mcp", scopes_supported: provider.scopes }],
  });
  const gateway = start(t, "oauthgw", ["serve", `--config.file=${config}`]);
  await ready(gateway, `http://${admin}/-/ready`);
  return {
    // reports resolves to the gateway's log and metrics.
    reports: async () => gateway.output + (await (await fetch(`http://${admin}/metrics`, within10s())).text()),
    // check resolves to what oauthgw check finds out about agents that use the application.
    check: async () => {
      const process = start(t, "oauthgw", ["check", `--config.file=${config}`, `--mcp-url=${origin}/mcp`, "--format=json"]);
      assert.equal(await process.exit(), 0, process.output);
      return JSON.parse(process.stdout);
    },
  };
}

// variants are the encodings in which a canary could be in a text: its digits are the same in
// every one, except that base64 depends on what is before it.
function variants(canary) {
  const inBase64 = [0, 1, 2].map((before) => {
    const encoded = Buffer.from(" ".repeat(before) + canary).toString("base64");
    // Without the characters that depend on the neighbors.
    return encoded.slice(before ? 4 : 0, -4);
  });
  return [canary, ...inBase64];
}
