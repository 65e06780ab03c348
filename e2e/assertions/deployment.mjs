// A provider that knows only secrets, an MCP server on its origin, and the gateway that keeps the
// secrets and verifies assertions. A recorder is in front of each.
import { startApplication } from "../agents/deployment.mjs";
import { record } from "../agents/recorder.mjs";
import { startProgram } from "../clients/servers.mjs";
import { serve, write } from "../deployment.mjs";
import { freePorts } from "../processes.mjs";

// deploy starts them until the test ends. Clients have an id, a secret and an entry, which is a
// function that returns the assertions that the gateway accepts at an origin. Those without an entry
// have a key that the provider knows. Without the gateway, clients are at the provider.
export async function deploy(t, server, { clients, gateway: wanted = true }) {
  const [port, gatewayPort, adminPort, upstreamPort, serverPort] = await freePorts(5);
  const origin = `http://127.0.0.1:${port}`;
  const known = clients.map(({ id, secret, key }) => ({
    client_id: id,
    ...(key ? { jwks: { keys: [key.published] } } : { client_secret: secret }),
    redirect_uris: [redirectURI],
  }));
  await startProgram(t, server, { clients: known, port: serverPort, origin });
  const { atProvider } = await startApplication(t, server, upstreamPort, serverPort);
  const gateway = wanted && (await serve(t, {
    listen: `127.0.0.1:${gatewayPort}`,
    public_url: origin,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: `http://127.0.0.1:${upstreamPort}` },
    clients: await entries(t, clients, origin),
    resources: [{ path: "/mcp" }],
  }));
  const atGateway = await record(t, port, wanted ? gatewayPort : upstreamPort);
  const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`, { signal: AbortSignal.timeout(10_000) })).json();
  return { ...gateway, origin, metadata, atGateway, atProvider };
}

export const redirectURI = "http://127.0.0.1/callback";

// entries resolves to the clients of the gateway's configuration. The keys of an entry are written
// to a file.
export async function entries(t, clients, origin) {
  const made = {};
  for (const { id, secret, entry } of clients.filter(({ entry }) => entry)) {
    made[id] = { secret_file: await write(t, "secret", `${secret}\n`), assertions: [] };
    for (const { keys, ...rest } of entry(origin)) {
      const jwks_file = await write(t, "keys.jwks", { keys: keys.map((key) => key.published) });
      made[id].assertions.push({ jwks_file, ...rest });
    }
  }
  return made;
}
