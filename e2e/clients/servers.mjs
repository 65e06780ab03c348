// The servers that read client credentials only from the form, each behind a gateway.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import path from "node:path";
import { browse } from "../browser.mjs";
import { build, serve, write } from "../deployment.mjs";
import { freePorts, Process } from "../processes.mjs";

// refusal is a server's own response to Basic, and unknownClient what the gateway logs
// of its response to an unknown client_id. A server without shapes gets all credentials.
export const servers = [
  {
    name: "go-oauth2",
    program: [path.join(build, "interop-servers"), "--library=go-oauth2"],
    refusal: { status: 401, error: "invalid_client", challenge: null },
    // This library reports an unknown client as an internal error.
    unknownClient: { status: 500, outcome: "failed" },
    grants: ["authorization_code", "refresh_token", "client_credentials"],
  },
  {
    name: "fosite",
    program: [path.join(build, "interop-servers"), "--library=fosite"],
    refusal: { status: 401, error: "invalid_client", challenge: null },
    unknownClient: { status: 401, outcome: "rejected" },
    grants: ["authorization_code", "refresh_token", "client_credentials"],
  },
  {
    name: "legacy",
    program: [path.join(build, "legacyd")],
    refusal: { status: 400, error: "invalid_request", challenge: null },
    unknownClient: { status: 401, outcome: "rejected" },
    grants: ["authorization_code", "refresh_token"],
  },
  {
    name: "doorkeeper",
    program: ["/usr/bin/ruby", path.join(import.meta.dirname, "../interop-clients/doorkeeper.rb")],
    refusal: {
      status: 401,
      error: "invalid_client",
      challenge:
        'Bearer realm="Doorkeeper", error="invalid_client", error_description="Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."',
    },
    unknownClient: { status: 401, outcome: "rejected" },
    grants: ["authorization_code", "refresh_token", "client_credentials"],
    // Ruby is slow.
    shapes: ["plain secret", "secret with everything", "secret with a plus alone", "id with a space", "wrong secret"],
  },
];

// startServer starts a server that knows the clients, and a gateway in front of it that
// knows the pinned ones. Secrets are in files that are removed after the test.
export async function startServer(t, server, { clients, pinned }) {
  const [serverPort, gatewayPort, adminPort] = await freePorts(3);
  const upstream = `http://127.0.0.1:${serverPort}`;
  const origin = `http://127.0.0.1:${gatewayPort}`;
  await startProgram(t, server, { clients, port: serverPort, origin });
  const gateway = await serve(t, {
    listen: `127.0.0.1:${gatewayPort}`,
    public_url: origin,
    admin: { listen: `127.0.0.1:${adminPort}` },
    upstream: { url: upstream },
    client_auth: { clients: Object.fromEntries(pinned.map((id) => [id, { basic_decoding: "raw" }])) },
    log: { level: "debug" },
  });
  const patience = { signal: AbortSignal.timeout(10_000) };
  const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`, patience)).json();
  return {
    metadata,
    // directly returns the URL of an endpoint at the server itself.
    directly: (endpoint) => endpoint.replace(origin, upstream),
    metrics: gateway.metrics,
    // log stops the gateway, so that the log is complete, and resolves to the log.
    log: async () => {
      await gateway.process.stop("SIGINT");
      return gateway.process.output;
    },
  };
}

// startProgram starts a server at a port until the test ends. Its URLs have the origin.
export async function startProgram(t, { name, program: [command, ...flags] }, { clients, port, origin }) {
  const process = new Process(name, command, [
    ...flags,
    `--listen=127.0.0.1:${port}`,
    `--public-url=${origin}`,
    `--clients=${await write(t, "clients.json", clients)}`,
  ]);
  t.after(() => process.stop());
  await process.saw(/^listening on /m);
}

// authorize plays the user and the browser at the authorization endpoint (RFC 6749
// section 4.1) with PKCE (RFC 7636), and resolves to the parameters of the callback.
export async function authorize(endpoint, job) {
  const state = crypto.randomBytes(16).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: job.client_id,
    redirect_uri: job.redirect_uri,
    state,
    code_challenge: crypto.createHash("sha256").update(job.code_verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const callback = Object.fromEntries(new URL(await browse(`${endpoint}?${query}`, job.redirect_uri)).searchParams);
  assert.equal(callback.state, state);
  assert.ok(callback.code, `authorization: ${callback.error}`);
  return callback;
}

// control is a client of the servers beside those of the matrix.
export const control = {
  client_id: "control",
  client_secret: crypto.randomBytes(12).toString("hex"),
  redirect_uris: ["http://127.0.0.1/callback"],
  redirect_uri: "http://127.0.0.1/callback",
  code_verifier: crypto.randomBytes(32).toString("base64url"),
};

// checkServerAlone sends Basic and then the form to the server itself. If Basic
// succeeded, the matrix would prove nothing. The form shows that only Basic fails.
export async function checkServerAlone(server, { metadata, directly }) {
  const { client_id, client_secret, redirect_uri, code_verifier } = control;
  const basic = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`;
  const ask = async (headers, credentials) => {
    const { code } = await authorize(directly(metadata.authorization_endpoint), control);
    return fetch(directly(metadata.token_endpoint), {
      method: "POST",
      headers,
      body: new URLSearchParams({ grant_type: "authorization_code", code, code_verifier, redirect_uri, ...credentials }),
      signal: AbortSignal.timeout(10_000),
    });
  };
  const refused = await ask({ authorization: basic }, {});
  const { error } = await refused.json();
  assert.deepEqual({ status: refused.status, error, challenge: refused.headers.get("www-authenticate") }, server.refusal);
  const granted = await ask({}, { client_id, client_secret });
  assert.equal(granted.status, 200, await granted.text());
}
