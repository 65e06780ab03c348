// The user and the browser: what happens at the authorization URL.
import assert from "node:assert/strict";

const patience = () => ({ signal: AbortSignal.timeout(10_000), redirect: "manual" });

// consent opens the authorization URL, agrees, and follows the redirect to
// the client's callback.
export async function consent(authorizationURL) {
  const page = await fetch(authorizationURL, patience());
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<form method="post">/);

  const body = new URLSearchParams({ decision: "allow" });
  const decision = await fetch(authorizationURL, { ...patience(), method: "POST", body });
  assert.equal(decision.status, 302, await decision.text());

  const location = decision.headers.get("location");
  assert.match(location, /^http:\/\/127\.0\.0\.1:\d+\//, "the callback is on loopback");
  const callback = await fetch(location, patience());
  assert.equal(callback.status, 200, await callback.text());
}
