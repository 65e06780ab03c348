// What the gateway is there for.
import assert from "node:assert/strict";
import { register } from "./registration.mjs";

// withoutGateway shows that the provider does not read Basic: asked directly
// with the right credentials in the header field it misses the client, and with
// the same in the form nothing but the code.
export async function withoutGateway(deployment) {
  const { origin, upstream, metadata } = deployment;
  const redirect_uri = "http://127.0.0.1/callback";
  const { client_id, client_secret } = await register(deployment, { redirect_uris: [redirect_uri] });
  const ask = async (headers, credentials) => {
    const response = await fetch(metadata.token_endpoint.replace(origin, upstream), {
      method: "POST",
      headers,
      body: new URLSearchParams({ grant_type: "authorization_code", code: "unknown", redirect_uri, ...credentials }),
      signal: AbortSignal.timeout(10_000),
    });
    return (await response.json()).error;
  };
  const pair = Buffer.from(`${client_id}:${client_secret}`).toString("base64");
  assert.match(await ask({ authorization: `Basic ${pair}` }, {}), /^invalid_(request|client)$/);
  assert.equal(await ask({}, { client_id, client_secret }), "invalid_grant");
}
