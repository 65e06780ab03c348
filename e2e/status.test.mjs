// The status page in a browser. STATUS_SCREENSHOT=FILE writes the README's screenshot to FILE.
import assert from "node:assert/strict";
import test from "node:test";
import { deploy } from "./deployment.mjs";
import { launch } from "./page/page.mjs";

const limit = { timeout: 120_000 };
const canaries = ["c4nary-secret", "c4nary-code", "c4nary-password"];
const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

test("the status page works without scripts and has no secrets", limit, async (t) => {
  const browser = await launch(t, { javaScriptEnabled: false });
  const { origin, admin } = await deploy(t);
  const client = await visit(origin);
  const page = await open(t, browser, `${admin}/`);
  if (process.env.STATUS_SCREENSHOT) await page.screenshot(process.env.STATUS_SCREENSHOT);
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
  await token(400, origin, basic(id, secret)); // the code is wrong
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

// open opens the status page in a new tab until the test ends.
async function open(t, browser, url) {
  const tab = await browser.newPage();
  t.after(() => tab.close());
  const complaints = []; // of the browser, such as violations of the page's policy
  tab.on("console", (message) => complaints.push(message.text()));
  tab.on("pageerror", (error) => complaints.push(String(error)));
  tab.on("requestfailed", (request) => complaints.push(request.url()));
  await tab.goto(url);
  return {
    tab,
    complaints,
    // section is the part of the page with this heading.
    section: (name) => tab.getByRole("region", { name, exact: true }),
    // screenshot writes a picture of the page down to the first differences.
    screenshot: async (file) => {
      await tab.goto(url);
      await tab.emulateMedia({ colorScheme: "light" });
      await tab.setViewportSize({ width: 1000, height: 800 });
      const { y, height } = await tab.getByRole("table", { name: /differ/ }).boundingBox();
      await tab.screenshot({ path: file, fullPage: true, clip: { x: 0, y: 0, width: 1000, height: y + height + 16 } });
    },
  };
}

// overflow runs in the page and returns the elements that are wider than the window.
function overflow() {
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.closest(".hidden, thead"))
    .filter((element) => element.getBoundingClientRect().right > width + 0.5)
    .map((element) => `${element.tagName} ${element.textContent.slice(0, 60)}`);
  if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return out;
}

// faintTexts runs in the page and returns the number of visible texts, and those whose
// contrast with the background is below 4.5 to 1.
function faintTexts() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (element) => {
    const [light, dark] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter(
    (element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()),
  );
  return {
    seen: texts.length,
    faint: texts.filter((element) => contrast(element) < 4.5).map((element) => `${contrast(element).toFixed(2)} ${element.outerHTML.slice(0, 80)}`),
    background: luminance(behind(document.body)) < 0.5 ? "dark" : "light",
  };
}
