// Registration (RFC 7591) and its management (RFC 7592) through the gateway.
import assert from "node:assert/strict";

// register resolves to the response. Without the gateway its status may be 200.
export async function register(deployment, metadata) {
  return send("POST", deployment.metadata.registration_endpoint, metadata, {}, deployment.gateway ? [201] : [200, 201]);
}

// obtain registers a client, or lets the operator of the provider do so.
export async function obtain(deployment, metadata) {
  if (!deployment.known) return register(deployment, metadata);
  await update(deployment.known, metadata);
  return deployment.known;
}

// update replaces the metadata of a client.
export async function update(client, metadata) {
  const { client_id, client_secret } = client;
  return send("PUT", client.registration_client_uri, { client_id, client_secret, ...metadata }, bearer(client), [200]);
}

// read resolves to the registration of a client, from the gateway or from another URL.
export async function read(client, at = client.registration_client_uri) {
  return send("GET", at, undefined, bearer(client), [200]);
}

function bearer({ registration_access_token }) {
  return { authorization: `Bearer ${registration_access_token}` };
}

async function send(method, url, metadata, headers, statuses) {
  const body = metadata && JSON.stringify(metadata);
  const response = await fetch(url, {
    method,
    body,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.text();
  assert.ok(statuses.includes(response.status), `${response.status} ${answer}`);
  return JSON.parse(answer);
}

const redirect_uris = ["http://127.0.0.1/callback"];
const method = ({ token_endpoint_auth_method }) => [token_endpoint_auth_method].flat()[0];
const basic = "client_secret_basic";
const post = "client_secret_post";

// checkRegistrations registers clients for each method through the gateway, and reads
// their registrations on both sides of it.
export async function checkRegistrations(provider, deployment) {
  for (const [requested, returned] of [[undefined, basic], [basic, basic], [post, post]]) {
    const client = await register(deployment, { redirect_uris, token_endpoint_auth_method: requested });
    assert.equal(method(client), returned);
    assert.ok(client.client_secret);
    assert.equal(client.client_secret_expires_at, 0);
    assert.equal(new URL(client.registration_client_uri).origin, deployment.origin);
    const inside = client.registration_client_uri.replace(deployment.origin, deployment.upstream);
    const recorded = async () => method(await read(client, inside));
    assert.equal(await recorded(), post);
    // The gateway does not know what a client that reads its registration requested, and
    // leaves a list unchanged.
    assert.equal(method(await read(client)), provider.listsMethod ? post : basic);
    if (!provider.updates) continue;
    assert.equal(method(await update(client, { redirect_uris, token_endpoint_auth_method: requested })), returned);
    assert.equal(await recorded(), post);
  }
}
