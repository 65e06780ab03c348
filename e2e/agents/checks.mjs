// Checks of what passed the recorders in front of the gateway and of the provider.
import assert from "node:assert/strict";
import { field, text } from "./recorder.mjs";

// checkReports checks that the gateway's log and metrics do not have a secret.
export async function checkReports({ reports, holds }) {
  const text = await reports();
  assert.match(text, /^oauthgw_/m);
  assert.ok(!holds(text), "the log or the metrics hold a secret");
}

// checkMetadata checks that the metadata says what the mode configures, and nothing else.
export function checkMetadata(mode, { origin, metadata }) {
  const methods = ["client_secret_basic", "client_secret_post", ...(mode.agents ? ["none"] : [])];
  assert.deepEqual(metadata.token_endpoint_auth_methods_supported.toSorted(), methods);
  assert.equal(metadata.registration_endpoint, mode.agents ? `${origin}/register` : undefined);
  assert.equal(metadata.client_id_metadata_document_supported, mode.aliases);
  assert.ok(metadata.code_challenge_methods_supported.includes("S256"));
}

// checkIdentifiers checks that oauthgw check names the identifiers of Codex, and finds its entry.
export async function checkIdentifiers({ check, client }) {
  const { redirect_uri, alias, entry } = (await check()).agents;
  const { redirects, aliases } = client("codex");
  assert.deepEqual([redirect_uri, alias], [redirects.at(-1), ...aliases]);
  assert.equal(entry, undefined);
}

// checkRequests checks a login and a refresh on both sides of the gateway.
export function checkRequests({ agent, provider, mode, deployment }) {
  const client = deployment.client(agent.client);
  const requests = deployment.tokenRequests();
  const grants = requests.map(({ form }) => new URLSearchParams(form).get("grant_type"));
  assert.deepEqual(grants, ["authorization_code", "refresh_token"]);
  for (const request of requests) {
    assert.equal(request.status, 200, request.answer);
    checkSecret(request, provider, client, deployment.holds);
  }
  for (const exchange of deployment.atProvider) {
    if (!requests.includes(exchange)) assert.ok(!deployment.holds(text(exchange)), exchange.path);
    // The provider gets its own id and never an alias.
    const id = new URL(exchange.path, deployment.origin).searchParams.get("client_id") ?? client.id;
    assert.equal(id, client.id);
  }
  const registrations = deployment.atProvider.filter(({ method, path }) => method === "POST" && path === "/register");
  assert.deepEqual(registrations, []);
  if (mode.agents) return checkAgent(client, mode.aliases && agent.cimd, deployment);
  for (const exchange of deployment.atGateway) assert.ok(!deployment.holds(exchange.answer), exchange.path);
}

// checkAgent checks that an agent presents its document or registers, and that no secret passes in
// any direction.
function checkAgent(client, document, { atGateway, holds, metadata }) {
  for (const exchange of atGateway) assert.ok(!holds(text(exchange)), exchange.path);
  const registrations = atGateway.filter(({ method, path }) => method === "POST" && path === "/register");
  assert.equal(registrations.length > 0, !document);
  for (const { status, answer } of registrations) {
    assert.equal(status, 201, answer);
    assert.equal(JSON.parse(answer).client_secret, undefined);
  }
  const { pathname } = new URL(metadata.token_endpoint);
  for (const exchange of atGateway.filter(({ path }) => path === pathname)) {
    assert.deepEqual(field(exchange, "authorization"), []);
    const form = new URLSearchParams(exchange.form);
    assert.deepEqual(form.getAll("client_id"), [document ? client.aliases[0] : client.id]);
    assert.ok(!form.get("client_secret"));
  }
}

// checkSecret checks that a request at the provider has its client's credentials once, where the
// provider reads them.
function checkSecret(exchange, { auth }, { id, secret }, holds) {
  const form = new URLSearchParams(exchange.form);
  const header = field(exchange, "authorization");
  const basic = header.map((value) => decodeBasic(value));
  const post = form.getAll("client_secret").map((value) => [form.get("client_id"), value]);
  const expected = { client_secret_basic: [], client_secret_post: [], [auth]: [[id, secret]] };
  assert.deepEqual({ client_secret_basic: basic, client_secret_post: post }, expected);
  form.delete("client_secret");
  const rest = { ...exchange, headers: exchange.headers.filter((value) => !header.includes(value)), form: form.toString() };
  assert.ok(!holds(text(rest)), exchange.path);
}

// decodeBasic decodes a pair and both its halves (RFC 6749 section 2.3.1).
function decodeBasic(value) {
  const pair = Buffer.from(value.replace(/^Basic /, ""), "base64").toString();
  return pair.split(":").map((half) => decodeURIComponent(half.replaceAll("+", " ")));
}
