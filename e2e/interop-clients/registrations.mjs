// What a client is told of its registration, and what the provider recorded.
import assert from "node:assert/strict";
import { read, register, update } from "./registration.mjs";

const redirect_uris = ["http://127.0.0.1/callback"];
const method = ({ token_endpoint_auth_method }) => token_endpoint_auth_method;
const basic = "client_secret_basic";
const post = "client_secret_post";

// manage registers clients for each method through the gateway, and reads their
// registrations on both sides of it.
export async function manage(provider, deployment) {
  for (const [asked, told] of [[undefined, basic], [basic, basic], [post, post]]) {
    const client = await register(deployment, { redirect_uris, token_endpoint_auth_method: asked });
    assert.equal(method(client), told);
    assert.ok(client.client_secret);
    assert.equal(client.client_secret_expires_at, 0);
    assert.equal(new URL(client.registration_client_uri).origin, deployment.origin);
    const inside = client.registration_client_uri.replace(deployment.origin, deployment.upstream);
    const recorded = async () => method(await read(client, inside));
    assert.equal(await recorded(), post);
    // Of a client that reads it is not known what it asked for.
    assert.equal(method(await read(client)), basic);
    if (!provider.updates) continue;
    assert.equal(method(await update(client, { redirect_uris, token_endpoint_auth_method: asked })), told);
    assert.equal(await recorded(), post);
  }
}
