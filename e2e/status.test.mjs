// The status page in a browser. STATUS_SCREENSHOT=FILE writes the README's screenshot to FILE.
import assert from "node:assert/strict";
import test from "node:test";
import { deploy } from "./deployment.mjs";
import { launch } from "./page/chromium.mjs";
import { faintTexts, open, overflow } from "./page/status.mjs";

const limit = { timeout: 120_000 };
const canaries = ["c4nary-secret", "c4nary-code", "c4nary-password"];
const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

test("the status page works without scripts and has no secrets", limit, async (t) => {
  const browser = await launch(t, { javaScriptEnabled: false });
  const { origin, admin } = await deploy(t);
  const client = await visit(origin);
  const page = await open(t, browser, `${admin}/`);
  if (process.env.STATUS_SCREENSHOT) await page.photograph(process.env.STATUS_SCREENSHOT);
  await misuse(origin, client);
  await page.tab.goto(`${admin}/`);

  await t.test("summary", async () => {
    assert.equal(await page.tab.title(), "oauthgw: Ready");
    const summary = page.section("Summary");
    for (const [term, word] of [["Requests", "Ready"], ["Provider", "Reachable"], ["Configuration", "Active"], ["Metadata", "OK"]]) {
      await summary.getByText(term, { exact: true }).waitFor();
      await summary.getByText(word, { exact: true }).waitFor();
    }
  });

  await t.test("provider and configuration", async () => {
    await page.section("Provider").getByText(origin, { exact: true }).first().waitFor();
    await page.section("Configuration").getByText("succeeded").waitFor();
  });

  await t.test("endpoints", async () => {
    const rows = page.section("Endpoints").getByRole("table", { name: "Endpoints with client authentication" });
    await rows.getByRole("row", { name: "token /oauth2/tokens Basic becomes post provider metadata", exact: true }).waitFor();
    await rows.getByRole("row", { name: /^registration .* Basic registrations become post/ }).waitFor();
  });

  await t.test("how clients authenticate", async () => {
    const counts = page.section("How clients authenticate").getByRole("table");
    await counts.getByRole("row", { name: "registration client_secret_basic 1 0 0 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "token client_secret_basic 1 1 2 1 malformed_basic 1 multiple_methods 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "Total 2 2 3 0 0 0", exact: true }).waitFor();
  });

  await t.test("recent refusals, newest first", async () => {
    const rows = page.section("Recent refusals").getByRole("table").getByRole("row");
    const texts = (await rows.allInnerTexts()).slice(1).map((row) => row.replace(/\s+/g, " "));
    assert.equal(texts.length, 5, texts.join("\n"));
    for (const [i, reason] of [/ 400 query_credentials$/, / 400 multiple_methods$/, / 401 rejected by the provider$/, / 401 malformed_basic$/, / 401 rejected by the provider$/].entries()) {
      assert.match(texts[i], /^\d\d:\d\d:\d\d UTC token /);
      assert.match(texts[i], reason);
    }
  });

  await t.test("published and served metadata", async () => {
    const differ = page.section("Metadata").getByRole("table", { name: /differ/ });
    const row = differ.getByRole("row", { name: /^token_endpoint_auth_methods_supported/ });
    assert.deepEqual(await row.getByRole("cell").allInnerTexts(), ['["client_secret_post"]', '["client_secret_post","client_secret_basic"]']);
    await page.section("Metadata").getByText(/members are served as published/).first().waitFor();
    await page.section("Metadata").getByText("The provider has no document here, and clients get 404.").waitFor();
  });

  await t.test("no secrets", async () => {
    const text = await page.tab.content();
    for (const canary of canaries) assert.ok(!text.includes(canary), canary);
  });

  await assertReadable(t, page);
  assert.deepEqual(page.complaints, []);
});

test("text of a hostile provider is escaped", limit, async (t) => {
  const browser = await launch(t); // with scripts
  const set = {
    x_script: "</code><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">",
    x_style: "</style><style>body { display: none }</style>",
    x_wide: "w".repeat(100_000),
    x_turned: "\u202Egnorw si siht\u2066",
    x_deep: "[".repeat(5000) + "]".repeat(5000),
    x_stacked: "e" + "\u0301".repeat(5000),
    "<b>member</b>": ["<i>", "&amp;"],
  };
  const { admin } = await deploy(t, { config: { metadata: { patch: { set } } } });
  const page = await open(t, browser, `${admin}/`);
  assert.equal(await page.tab.title(), "oauthgw: Ready");
  assert.equal(await page.tab.locator("script, img, i, b, main style").count(), 0);
  await page.tab.getByText("\\u202egnorw si siht\\u2066").waitFor();
  await page.tab.getByText("<b>member</b>").waitFor();
  assert.ok((await page.tab.content()).length < 100_000);
  await assertReadable(t, page);
  assert.deepEqual(page.complaints, []);
});

// visit makes a client's requests, with secrets that the page must not show, and resolves
// to the client's id.
async function visit(origin) {
  const registration = await send(201, `${origin}/oauth2/register`, {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: ["http://127.0.0.1/callback"], token_endpoint_auth_method: "client_secret_basic" }),
  });
  const { client_id: id, client_secret: secret } = await registration.json();
  canaries.push(secret);
  await token(400, origin, basic(id, secret)); // accepted, but for the code
  await token(401, origin, basic(id, "c4nary-secret"));
  await token(401, origin, `Basic ${Buffer.from("c4nary-secret").toString("base64")}`);
  return id;
}

// misuse makes requests that the gateway or the provider refuses.
async function misuse(origin, id) {
  await fetch(`${origin}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(10_000) });
  await token(401, origin, undefined, { client_id: id, client_secret: "c4nary-secret" });
  await token(400, origin, basic("a", "c4nary-password"), { client_id: "a", client_secret: "c4nary-secret" });
  await token(400, origin, basic("a", "b"), {}, "?client_secret=c4nary-secret");
}

function token(status, origin, authorization, parameters = {}, query = "") {
  const body = new URLSearchParams({ grant_type: "authorization_code", code: "c4nary-code", ...parameters });
  return send(status, `${origin}/oauth2/tokens${query}`, { headers: authorization ? { authorization } : {}, body });
}

async function send(status, url, init) {
  const answer = await fetch(url, { method: "POST", ...init, signal: AbortSignal.timeout(10_000) });
  assert.equal(answer.status, status, await answer.clone().text());
  return answer;
}

// assertReadable checks that nothing overflows, and the contrast (WCAG 2.2 success criterion
// 1.4.3), in both colour schemes.
async function assertReadable(t, page) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 720, 1000, 1280]) {
      await t.test(`readable in ${colorScheme}, ${width} pixels wide`, async () => {
        await page.tab.emulateMedia({ colorScheme });
        await page.tab.setViewportSize({ width, height: 800 });
        assert.deepEqual(await page.tab.evaluate(overflow), []);
        const { seen, faint, background } = await page.tab.evaluate(faintTexts);
        assert.ok(seen > 40, `only ${seen} texts were looked at`);
        assert.equal(background === "dark", colorScheme === "dark");
        assert.deepEqual(faint, []);
      });
    }
  }
}
