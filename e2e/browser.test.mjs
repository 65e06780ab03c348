// A client that is a web page in Chromium, on an origin of its own, with and without
// cors.allowed_origins.
import assert from "node:assert/strict";
import test from "node:test";
import { deploy } from "./deployment.mjs";
import { launch, Page, startSite } from "./page/page.mjs";

const limit = { timeout: 120_000 };
const form = { "content-type": "application/x-www-form-urlencoded" };
const byPost = { method: "POST", headers: form, body: "grant_type=authorization_code&code=x&client_id=x&client_secret=x" };
const byBasic = { method: "POST", headers: { ...form, authorization: "Basic eDp4" }, body: "grant_type=authorization_code&code=x" };

test("a page of a listed origin logs in by Basic", limit, async (t) => {
  const browser = await launch(t);
  const site = await startSite(t);
  const { origin, ...deployment } = await deploy(t, { config: { cors: { allowed_origins: [site] } } });
  // First and in the same browser, so that the browser's cache cannot help the listed page.
  await t.test("a page of another origin does not", async (t) => {
    const foreign = await Page.open(t, browser, await startSite(t));
    await assertShutOut(foreign, origin);
    // The browser sends a request without preflight and withholds the response.
    assert.equal(await preflights(deployment), 1);
    assert.equal(await rejected(deployment, "client_secret_basic"), 0);
    assert.equal(await rejected(deployment, "client_secret_post"), 1);
  });

  const page = await Page.open(t, browser, site);
  const as = await page.call("discover", origin);
  assert.deepEqual(as.token_endpoint_auth_methods_supported.toSorted(), ["client_secret_basic", "client_secret_post"]);
  const client = await page.call("register", as);
  assert.equal(client.token_endpoint_auth_method, "client_secret_basic");
  await page.consent(as, client);

  await t.test("it can read why a wrong secret is rejected", async () => {
    const answer = await page.call("redeem", "wrong");
    assert.equal(answer.status, 401);
    assert.equal(answer.challenge, `Basic realm="${origin}"`);
    assert.equal(answer.body.error, "invalid_client");
    assert.equal(answer.refused, "WWWAuthenticateChallengeError");
    assert.equal(answer.challenges[0].scheme, "basic");
  });

  await t.test("it redeems the code", async () => {
    const { tokens, ...answer } = await page.call("redeem");
    assert.equal(answer.status, 200, JSON.stringify(answer));
    assert.match(tokens.access_token, /^\w{10}-\w{22}$/);
    assert.equal(await deployment.clientAuth("client_secret_basic"), 1);
    const [, , redeemed, ...more] = await deployment.observations(3);
    assert.deepEqual(more, []);
    assert.equal(redeemed.authorization, false);
    assert.ok(redeemed.parameters.includes("client_secret"));
  });

  await t.test("the gateway answered the preflight for Authorization", async () => {
    // One more than the foreign page's: the browser caches the preflight response for the
    // second token request.
    assert.equal(await preflights(deployment), 2);
  });

  await t.test("it can read metadata that has not changed", async () => {
    assert.equal(await page.fetch(metadata(origin), { cache: "no-cache" }), 200);
    assert.equal(await deployment.sample('oauthgw_http_requests_total{code="304",end="complete",endpoint="metadata",method="get"}'), 1);
  });

  await t.test("each response allows the origin once", async () => {
    const answers = await page.corsFields(origin);
    const allowed = answers.filter((fields) => fields.length > 0);
    // All except the consent page.
    assert.ok(allowed.length >= 5, `${allowed.length} answers`);
    for (const fields of allowed) {
      const names = fields.map(({ name }) => name.toLowerCase());
      assert.deepEqual(names.toSorted(), ["access-control-allow-origin", "access-control-expose-headers"]);
      assert.equal(fields[names.indexOf("access-control-allow-origin")].value, site);
    }
  });

  await t.test("on other paths the gateway allows nothing", async () => {
    await assertBlocked(page, () => page.fetch(`${origin}/`));
    assert.deepEqual(await granted(`${origin}/`, site), []);
    // The same function finds the fields on metadata.
    assert.deepEqual(await granted(metadata(origin), site), ["access-control-allow-origin", "access-control-expose-headers"]);
  });
});

test("without cors.allowed_origins no page logs in", limit, async (t) => {
  const browser = await launch(t);
  const site = await startSite(t);
  const { origin } = await deploy(t);
  await assertShutOut(await Page.open(t, browser, site), origin);
});

// assertShutOut checks that a page can read nothing from the gateway: neither metadata nor
// tokens, by Basic or by post.
async function assertShutOut(page, origin) {
  const token = `${origin}/oauth2/tokens`;
  await assertBlocked(page, () => page.call("discover", origin));
  await assertBlocked(page, () => page.fetch(token, byBasic));
  await assertBlocked(page, () => page.fetch(token, byPost));
  assert.deepEqual(await granted(metadata(origin), page.site), []);
}

// assertBlocked checks that a request of a page fails because of CORS.
async function assertBlocked(page, request) {
  await Promise.all([
    page.consoleMessage(/has been blocked by CORS policy/),
    assert.rejects(request, /TypeError: Failed to fetch/),
  ]);
}

const metadata = (origin) => `${origin}/.well-known/oauth-authorization-server`;

// granted resolves to the names of the CORS fields in the response to an origin.
async function granted(url, origin) {
  const answer = await fetch(url, { headers: { origin }, signal: AbortSignal.timeout(10_000) });
  assert.equal(answer.status, 200);
  return [...answer.headers.keys()].filter((name) => name.startsWith("access-control-"));
}

// preflights counts the preflight responses of the token endpoint.
function preflights(deployment) {
  return deployment.sample('oauthgw_http_requests_total{code="204",end="complete",endpoint="token",method="options"}');
}

// rejected counts the token requests with a method that the provider rejected.
function rejected(deployment, method) {
  return deployment.sample(`oauthgw_client_auth_total{auth_method="${method}",endpoint="token",outcome="rejected"}`);
}
