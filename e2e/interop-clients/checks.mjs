// Checks of the metadata and of the provider.
import assert from "node:assert/strict";
import { obtain } from "./registration.mjs";

const get = (url, headers = {}) => fetch(url, { headers, signal: AbortSignal.timeout(10_000) });

// checkMetadata checks each metadata document of a provider as the gateway serves it.
export async function checkMetadata(provider, { origin, issuer }) {
  for (const location of provider.locations) {
    const response = await get(origin + location);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    const metadata = await response.json();
    assert.equal(metadata.issuer, issuer);
    checkEndpoints(metadata, origin);
    assert.equal(Boolean(metadata.registration_endpoint), !provider.preregistered);
    const etag = response.headers.get("etag");
    assert.match(etag, /^"[^"]+"$/);
    const again = await get(origin + location, { "if-none-match": etag });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    assert.equal((await get(origin + location, { "if-none-match": '"another"' })).status, 200);
  }
  const missing = ["/.well-known/openid-configuration"].filter((location) => !provider.locations.includes(location));
  for (const location of missing) assert.equal((await get(origin + location)).status, 404);
}

// checkEndpoints checks that clients authenticate at the gateway, with both methods.
function checkEndpoints(metadata, origin) {
  const authenticating = ["token", "revocation", "introspection", "pushed_authorization_request", "registration"];
  for (const name of authenticating) {
    const endpoint = metadata[`${name}_endpoint`];
    if (endpoint) assert.equal(new URL(endpoint).origin, origin, name);
  }
  assert.ok(metadata.token_endpoint);
  const both = ["client_secret_basic", "client_secret_post"];
  assert.deepEqual(metadata.token_endpoint_auth_methods_supported.toSorted(), both);
  if (metadata.revocation_endpoint) assert.deepEqual(metadata.revocation_endpoint_auth_methods_supported.toSorted(), both);
}

// checkDoctor checks what oauthgw doctor finds at the provider, and that the gateway leaves
// no problem that it can solve.
export async function checkDoctor(provider, { alone, issuer, doctor }) {
  assert.match(await doctor(issuer), provider.problems ?? /^problems: 0, /m);
  if (alone && provider.diagnosis) assert.match(await doctor(alone), provider.diagnosis);
}

// checkProviderAlone checks whether the provider itself reads Basic. With credentials that
// it reads it rejects only the code, and otherwise the client.
export async function checkProviderAlone(provider, deployment) {
  const { origin, upstream, metadata } = deployment;
  const redirect_uri = "http://127.0.0.1/callback";
  const { client_id, client_secret } = await obtain(deployment, { redirect_uris: [redirect_uri] });
  const errorOf = async (headers, credentials) => {
    const response = await fetch(metadata.token_endpoint.replace(origin, upstream), {
      method: "POST",
      headers,
      body: new URLSearchParams({ grant_type: "authorization_code", code: "unknown", redirect_uri, ...credentials }),
      signal: AbortSignal.timeout(10_000),
    });
    return (await response.json()).error;
  };
  const pair = Buffer.from([client_id, client_secret].map(encodeURIComponent).join(":")).toString("base64");
  const { client, code } = { client: /^invalid_(request|client)$/, code: /^invalid_grant$/, ...provider.errors };
  assert.match(await errorOf({ authorization: `Basic ${pair}` }, {}), provider.readsBasic ? code : client);
  assert.match(await errorOf({}, { client_id, client_secret }), code);
}
