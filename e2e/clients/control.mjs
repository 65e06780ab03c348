// What the gateway is there for: the servers refuse HTTP Basic without it.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { authorize } from "./authorization.mjs";

// control is a client that the servers know beside those of the matrix.
export const control = {
  client_id: "control",
  client_secret: crypto.randomBytes(12).toString("hex"),
  redirect_uris: ["http://127.0.0.1/callback"],
  redirect_uri: "http://127.0.0.1/callback",
  code_verifier: crypto.randomBytes(32).toString("base64url"),
};

// withoutGateway asks the server itself, by Basic and then by the form. If the
// first succeeded, the matrix would prove nothing; the second shows that
// nothing but Basic is at fault.
export async function withoutGateway(server, { metadata, directly }) {
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
