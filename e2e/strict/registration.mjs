// Registration through the gateway: a client that names no method means Basic
// (RFC 7591 section 2), and the provider is told post.
import assert from "node:assert/strict";

const patience = () => ({ signal: AbortSignal.timeout(10_000) });

// register registers a client that names no method.
export async function register(metadata, redirectURI) {
  const created = await fetch(metadata.registration_endpoint, {
    ...patience(),
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [redirectURI] }),
  });
  assert.equal(created.status, 201);
  return created.json();
}

// registers checks that creating and reading a registration tell the client
// what it meant, and the provider what it will see.
export async function registers({ origin, upstream, metadata }) {
  assert.equal(new URL(metadata.registration_endpoint).origin, origin);
  const client = await register(metadata, "http://127.0.0.1:9/callback");
  assert.equal(client.token_endpoint_auth_method, "client_secret_basic");
  assert.equal(typeof client.client_secret_expires_at, "number");
  assert.equal(new URL(client.registration_client_uri).origin, origin);

  const authorization = { authorization: `Bearer ${client.registration_access_token}` };
  const read = async (uri) => (await fetch(uri, { ...patience(), headers: authorization })).json();
  assert.equal((await read(client.registration_client_uri)).token_endpoint_auth_method, "client_secret_basic");
  const kept = await read(client.registration_client_uri.replace(origin, upstream));
  assert.equal(kept.token_endpoint_auth_method, "client_secret_post");
}
