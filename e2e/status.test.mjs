// The status page as an operator's browser shows it. With STATUS_SCREENSHOT set
// to a file name the picture in the README is written there.
import assert from "node:assert/strict";
import test from "node:test";
import { deploy } from "./deployment.mjs";
import { launch } from "./page/chromium.mjs";
import { faintTexts, open, overflow } from "./page/status.mjs";

const limit = { timeout: 120_000 };
const canaries = ["c4nary-secret", "c4nary-code", "c4nary-password"];
const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

test("the status page tells what goes on, without scripts and without secrets", limit, async (t) => {
  const browser = await launch(t, { javaScriptEnabled: false });
  const { origin, admin } = await deploy(t);
  const client = await visit(origin);
  const page = await open(t, browser, `${admin}/`);
  if (process.env.STATUS_SCREENSHOT) await page.photograph(process.env.STATUS_SCREENSHOT);
  await misuse(origin, client);
  await page.tab.goto(`${admin}/`);

  await t.test("at a glance", async () => {
    assert.equal(await page.tab.title(), "oauthgw: Ready");
    const glance = page.section("At a glance");
    for (const [term, word] of [["Requests", "Ready"], ["Provider", "Reachable"], ["Configuration", "In force"], ["Metadata", "True"]]) {
      await glance.getByText(term, { exact: true }).waitFor();
      await glance.getByText(word, { exact: true }).waitFor();
    }
  });

  await t.test("provider and configuration", async () => {
    await page.section("Provider").getByText(origin, { exact: true }).first().waitFor();
    await page.section("Configuration").getByText("succeeded").waitFor();
  });

  await t.test("endpoints", async () => {
    const rows = page.section("Endpoints").getByRole("table", { name: /what becomes of their requests/ });
    await rows.getByRole("row", { name: "token /oauth2/tokens Basic becomes post the provider’s metadata", exact: true }).waitFor();
    await rows.getByRole("row", { name: /^registration .* registrations for Basic become ones for post/ }).waitFor();
  });

  await t.test("how clients authenticate", async () => {
    const counts = page.section("How clients authenticate").getByRole("table");
    await counts.getByRole("row", { name: "registration client_secret_basic 1 0 0 0 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "token client_secret_basic 1 1 2 1 malformed_basic 1 multiple_methods 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "All together 2 2 3 0 0 0 0", exact: true }).waitFor();
  });

  await t.test("recent refusals, the latest first", async () => {
    const rows = page.section("Recent refusals").getByRole("table").getByRole("row");
    const told = (await rows.allInnerTexts()).slice(1).map((row) => row.replace(/\s+/g, " "));
    assert.equal(told.length, 5, told.join("\n"));
    for (const [i, reason] of [/ 400 query_credentials$/, / 400 multiple_methods$/, / 401 rejected by the provider$/, / 401 malformed_basic$/, / 401 rejected by the provider$/].entries()) {
      assert.match(told[i], /^\d\d:\d\d:\d\d UTC token /);
      assert.match(told[i], reason);
    }
  });

  await t.test("the provider's metadata beside what clients are shown", async () => {
    const differ = page.section("Metadata").getByRole("table", { name: /differ/ });
    const row = differ.getByRole("row", { name: /^token_endpoint_auth_methods_supported/ });
    assert.deepEqual(await row.getByRole("cell").first().getByRole("listitem").allInnerTexts(), ["client_secret_post"]);
    assert.deepEqual(await row.getByRole("cell").last().getByRole("listitem").allInnerTexts(), ["client_secret_post", "client_secret_basic"]);
    const same = page.section("Metadata").getByRole("rowheader", { name: "authorization_endpoint" });
    assert.equal(await same.isVisible(), false);
    await page.section("Metadata").getByText(/are the same on both sides/).first().click();
    await same.waitFor();
    await page.section("Metadata").getByText("The provider has no document here, and clients are answered 404.").waitFor();
  });

  await t.test("no secret is in it", async () => {
    const text = await page.tab.content();
    for (const canary of canaries) assert.ok(!text.includes(canary), canary);
  });

  await assertReadable(t, page);
  assert.deepEqual(page.complaints, []);
});

test("what a hostile provider writes is only text", limit, async (t) => {
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
  await page.tab.getByText("\\u{202e}gnorw si siht\\u{2066}").waitFor();
  await page.tab.getByText("<b>member</b>").waitFor();
  assert.ok((await page.tab.content()).length < 100_000);
  await assertReadable(t, page);
  assert.deepEqual(page.complaints, []);
});

// visit makes requests that clients make, with secrets that must not show
// again, and resolves to the client.
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

// misuse makes requests of other kinds.
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

// assertReadable checks what a reader needs: that nothing sticks out, and
// contrast (WCAG 2.2 success criterion 1.4.3), in both colour schemes.
async function assertReadable(t, page) {
  await page.tab.locator("details:not([open]) > summary").evaluateAll((all) => all.forEach((summary) => { summary.parentElement.open = true; }));
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
