// The metadata that the gateway serves.
import assert from "node:assert/strict";

const ask = (url, headers = {}) => fetch(url, { headers, signal: AbortSignal.timeout(10_000) });

// documents checks each of a provider's documents.
export async function documents(provider, { origin }) {
  for (const location of provider.locations) {
    const response = await ask(origin + location);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    const metadata = await response.json();
    assert.equal(metadata.issuer, origin);
    leadThrough(metadata, origin);
    const etag = response.headers.get("etag");
    assert.match(etag, /^"[^"]+"$/);
    const again = await ask(origin + location, { "if-none-match": etag });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    assert.equal((await ask(origin + location, { "if-none-match": '"another"' })).status, 200);
  }
  const missing = ["/.well-known/openid-configuration"].filter((location) => !provider.locations.includes(location));
  for (const location of missing) assert.equal((await ask(origin + location)).status, 404);
}

// leadThrough checks that clients authenticate at the gateway, and that both
// methods are there.
function leadThrough(metadata, origin) {
  const authenticating = ["token", "revocation", "introspection", "pushed_authorization_request", "registration"];
  for (const name of authenticating) {
    const endpoint = metadata[`${name}_endpoint`];
    if (endpoint) assert.equal(new URL(endpoint).origin, origin, name);
  }
  assert.ok(metadata.token_endpoint && metadata.registration_endpoint);
  const both = ["client_secret_basic", "client_secret_post"];
  assert.deepEqual(metadata.token_endpoint_auth_methods_supported.toSorted(), both);
  if (metadata.revocation_endpoint) assert.deepEqual(metadata.revocation_endpoint_auth_methods_supported.toSorted(), both);
}
