// The servers that read client credentials only from the form, each with a
// gateway before it.
import { ready, start, write } from "../deployment.mjs";
import { freePorts } from "../processes.mjs";

// refusal is how a server answers Basic when nothing stands before it, and
// unknownClient what the gateway makes of its answer to a client_id it does not
// know.
export const servers = [
  {
    name: "go-oauth2",
    program: ["interop-servers", "--library=go-oauth2"],
    refusal: { status: 401, error: "invalid_client", challenge: null },
    // An unknown client is an internal error to this library.
    unknownClient: { status: 500, outcome: "failed" },
    grants: ["authorization_code", "refresh_token", "client_credentials"],
  },
  {
    name: "fosite",
    program: ["interop-servers", "--library=fosite"],
    refusal: { status: 401, error: "invalid_client", challenge: null },
    unknownClient: { status: 401, outcome: "rejected" },
    grants: ["authorization_code", "refresh_token", "client_credentials"],
  },
  {
    name: "legacy",
    program: ["legacyd"],
    refusal: { status: 400, error: "invalid_request", challenge: null },
    unknownClient: { status: 401, outcome: "rejected" },
    grants: ["authorization_code", "refresh_token"],
  },
];

// front starts a server that knows the clients, and the gateway before it with
// the ids of pinned clients. What they are told about secrets is in files that
// go with the test.
export async function front(t, server, { clients, pinned }) {
  const [serverPort, gatewayPort, adminPort] = await freePorts(3);
  const upstream = `http://127.0.0.1:${serverPort}`;
  const origin = `http://127.0.0.1:${gatewayPort}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  const clientsFile = await write(t, "clients.json", clients);
  const configFile = await write(t, "oauthgw.yaml", {
    listen: `127.0.0.1:${gatewayPort}`,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: upstream },
    client_auth: { clients: Object.fromEntries(pinned.map((id) => [id, { basic_decoding: "raw" }])) },
    log: { level: "debug" },
  });

  const [program, ...flags] = server.program;
  const behind = start(t, program, [
    ...flags,
    `--listen=127.0.0.1:${serverPort}`,
    `--public-url=${origin}`,
    `--clients=${clientsFile}`,
  ]);
  await behind.saw(/^listening on /m);
  const gateway = start(t, "oauthgw", ["serve", `--config.file=${configFile}`]);
  await ready(gateway, `${admin}/-/ready`);
  const patience = { signal: AbortSignal.timeout(10_000) };
  const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`, patience)).json();
  return {
    metadata,
    // directly is an endpoint without the gateway before it.
    directly: (endpoint) => endpoint.replace(origin, upstream),
    metrics: async () => (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(10_000) })).text(),
    // log ends the gateway, so that all of it is there, and resolves to what
    // it printed.
    log: async () => {
      await gateway.stop("SIGINT");
      return gateway.output;
    },
  };
}
