// The user and the browser: what happens at the authorization URL.
import assert from "node:assert/strict";

const once = () => ({ signal: AbortSignal.timeout(10_000), redirect: "manual" });

// consent opens the authorization URL, allows access, and follows the redirect to the
// client's callback.
export async function consent(authorizationURL) {
  const page = await fetch(authorizationURL, once());
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<form method="post">/);

  const body = new URLSearchParams({ decision: "allow" });
  const decision = await fetch(authorizationURL, { ...once(), method: "POST", body });
  assert.equal(decision.status, 302, await decision.text());

  const location = decision.headers.get("location");
  assert.match(location, /^http:\/\/127\.0\.0\.1:\d+\//, "the callback is on loopback");
  const callback = await fetch(location, once());
  assert.equal(callback.status, 200, await callback.text());
}

// The values of fields and buttons.
const answers = { login: "user", username: "user", password: "any", decision: "allow" };

// browse opens the authorization URL as a browser does: it keeps cookies, follows
// redirects and fills in the first form of every page. It resolves to the URL of the
// client to which the provider redirects, without opening it.
export async function browse(authorizationURL, redirectURI = new URL(authorizationURL).searchParams.get("redirect_uri")) {
  const cookies = new Map();
  let next = { url: authorizationURL };
  for (let step = 0; step < 20; step++) {
    const { url, ...request } = next;
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\//, "all servers are on loopback");
    const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
    const response = await fetch(url, { ...request, headers, redirect: "manual", signal: AbortSignal.timeout(10_000) });
    for (const cookie of response.headers.getSetCookie()) setCookie(cookies, cookie);
    const location = response.headers.get("location");
    if (!location) {
      next = fill(await response.text(), url, response.status);
      continue;
    }
    next = { url: new URL(location, url).href };
    if (next.url.split("?")[0] === redirectURI) return next.url;
  }
  throw new Error(`no redirect to the client from ${authorizationURL}`);
}

// finish opens the callback of a client that listens.
export async function finish(callback) {
  const answer = await fetch(callback, { signal: AbortSignal.timeout(10_000) });
  await answer.text();
}

function setCookie(cookies, text) {
  const [, name, value] = text.match(/^([^=]+)=([^;]*)/);
  if (value) cookies.set(name, value);
  else cookies.delete(name);
}

// fill fills in the first form of a page and returns its request.
function fill(page, url, status) {
  const [form, attributes] = page.match(/<form([^>]*)>[^]*?<\/form>/) ?? assert.fail(`${status} without a form: ${page}`);
  const attribute = (tag, name) => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams();
  for (const [tag] of form.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const name = attribute(tag, "name");
    if (name && !body.has(name)) body.set(name, answers[name] ?? attribute(tag, "value") ?? "");
  }
  return { url: new URL(attribute(attributes, "action") ?? url, url).href, method: "POST", body };
}
