// The user and the browser at the authorization endpoint (RFC 6749 section
// 4.1). No client of the matrix has a part in it but to receive the answer.
import assert from "node:assert/strict";
import crypto from "node:crypto";

// authorize asks for a code for the job's client, with PKCE (RFC 7636), and
// resolves to the parameters of the callback.
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
  const response = await fetch(`${endpoint}?${query}`, {
    method: "POST",
    // What the legacy provider's page asks; the others have no page.
    body: new URLSearchParams({ decision: "allow" }),
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
  assert.ok([302, 303].includes(response.status), `authorization: ${response.status} ${await response.text()}`);
  const callback = Object.fromEntries(new URL(response.headers.get("location")).searchParams);
  assert.equal(callback.state, state);
  assert.ok(callback.code, `authorization: ${callback.error}`);
  return callback;
}
