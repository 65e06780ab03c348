// A browser with a user who agrees to everything: it keeps cookies, follows
// redirects, and fills in every form.
import assert from "node:assert/strict";

// What the user writes into fields, and which of the buttons they press.
const answers = { login: "user", password: "of no meaning", decision: "allow" };

// browse opens the authorization URL and resolves to the URL at which the
// browser is sent back to the client, which begins with the redirect URI. It
// does not open that.
export async function browse(authorizationURL, redirectURI = new URL(authorizationURL).searchParams.get("redirect_uri")) {
  const cookies = new Map();
  let next = { url: authorizationURL };
  for (let step = 0; step < 20; step++) {
    const { url, ...request } = next;
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\//, "everything is on loopback");
    const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
    const response = await fetch(url, { ...request, headers, redirect: "manual", signal: AbortSignal.timeout(10_000) });
    for (const cookie of response.headers.getSetCookie()) keep(cookies, cookie);
    const location = response.headers.get("location");
    if (!location) {
      next = fill(await response.text(), url, response.status);
      continue;
    }
    next = { url: new URL(location, url).href };
    if (next.url.split("?")[0] === redirectURI) return next.url;
  }
  throw new Error(`the browser did not come back from ${authorizationURL}`);
}

// finish brings the browser back to a client that listens.
export async function finish(callback) {
  const answer = await fetch(callback, { signal: AbortSignal.timeout(10_000) });
  await answer.text();
}

function keep(cookies, text) {
  const [, name, value] = text.match(/^([^=]+)=([^;]*)/);
  if (value) cookies.set(name, value);
  else cookies.delete(name);
}

// fill fills in the form of a page and returns the request that it makes.
function fill(page, url, status) {
  const [, attributes] = page.match(/<form([^>]*)>/) ?? assert.fail(`${status} without a form: ${page}`);
  const attribute = (tag, name) => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams();
  for (const [tag] of page.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const name = attribute(tag, "name");
    if (name && !body.has(name)) body.set(name, answers[name] ?? attribute(tag, "value") ?? "");
  }
  return { url: new URL(attribute(attributes, "action") ?? url, url).href, method: "POST", body };
}
