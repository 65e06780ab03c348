// Registration (RFC 7591) and its management (RFC 7592), through the gateway.
import assert from "node:assert/strict";

// register resolves to what the client is told.
export async function register(deployment, metadata) {
  return send("POST", deployment.metadata.registration_endpoint, metadata, {}, 201);
}

// update changes a client as it is told to, by sending all of it back.
export async function update(client, metadata) {
  const { client_id, client_secret } = client;
  return send("PUT", client.registration_client_uri, { client_id, client_secret, ...metadata }, bearer(client), 200);
}

// read resolves to what the client is told of itself, at the place that it was
// told or at another.
export async function read(client, at = client.registration_client_uri) {
  return send("GET", at, undefined, bearer(client), 200);
}

function bearer({ registration_access_token }) {
  return { authorization: `Bearer ${registration_access_token}` };
}

async function send(method, url, metadata, headers, status) {
  const body = metadata && JSON.stringify(metadata);
  const response = await fetch(url, {
    method,
    body,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.text();
  assert.equal(response.status, status, answer);
  return JSON.parse(answer);
}
