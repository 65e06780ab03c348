// The status page in a browser. Pictures at each width are in .build/status-WIDTH.png.
// STATUS_SCREENSHOT=FILE writes the README's picture, the wide one, to FILE.
import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { build, deploy } from "./deployment.mjs";
import { launch } from "./page/page.mjs";

const widths = [400, 1280];
const colors = {
  light: { good: "rgb(27, 110, 66)", warning: "rgb(135, 82, 0)", bad: "rgb(179, 38, 30)", unknown: "rgb(89, 98, 105)" },
  dark: { good: "rgb(126, 211, 160)", warning: "rgb(236, 192, 105)", bad: "rgb(255, 157, 148)", unknown: "rgb(161, 171, 179)" },
};
const limit = { timeout: 120_000 };
const canaries = ["c4nary-secret", "c4nary-code", "c4nary-password"];
const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

test("the status page works without scripts and has no secrets", limit, async (t) => {
  const browser = await launch(t, { javaScriptEnabled: false });
  const { origin, admin } = await deploy(t, { config: { trusted_proxies: ["127.0.0.1"] } });
  const page = await open(t, browser, `${admin}/`);

  await t.test("without requests", async () => {
    await page.expectTile("Client authentication", "unknown", "No requests");
    await page.section("Client authentication").getByText("No requests yet.").waitFor();
    await page.section("Request problems").getByText("No requests yet.").waitFor();
  });

  const client = await visit(origin);
  for (let i = 0; i < 8; i++) await token(400, origin, basic(client.id, client.secret));
  await page.tab.goto(`${admin}/`);
  for (const width of widths) await page.screenshot(width);
  await t.test("a few failures", () => page.expectTile("Client authentication", "warning", "Some failing"));
  await misuse(origin, client.id);
  for (let i = 0; i < 8; i++) await token(401, origin, undefined, { client_id: `c${i}`, client_secret: "c4nary-secret" });
  await page.tab.goto(`${admin}/`);

  await t.test("summary", async () => {
    assert.equal(await page.tab.title(), "Client authentication: Failing · oauthgw");
    await page.expectTile("Gateway", "good", "Ready");
    await page.expectTile("Client authentication", "bad", "Failing");
    await page.expectTile("Provider", "good", "Reachable");
    await page.expectTile("Configuration", "good", "Active");
    await page.expectTile("Metadata", "good", "OK");
  });

  await t.test("provider and configuration", async () => {
    await page.section("Provider").getByText(origin, { exact: true }).first().waitFor();
    await page.section("Configuration").getByText("succeeded").waitFor();
  });

  await t.test("endpoints", async () => {
    const rows = page.section("Endpoints").getByRole("table", { name: "Fronted endpoints" });
    await rows.getByRole("row", { name: "token /oauth2/tokens client_secret_basic to client_secret_post provider metadata", exact: true }).waitFor();
    await rows.getByRole("row", { name: /^registration .* registers client_secret_basic as client_secret_post/ }).waitFor();
  });

  await t.test("client authentication", async () => {
    const counts = page.section("Client authentication").getByRole("table", { name: "Requests since the start" });
    await counts.getByRole("row", { name: "registration client_secret_basic 1 0 0 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "token client_secret_basic 9 1 2 0 0 0", exact: true }).waitFor();
    await counts.getByRole("row", { name: "Total 10 10 3 0 0 0", exact: true }).waitFor();
  });

  await t.test("request problems, in groups", async () => {
    const section = page.section("Request problems");
    assert.deepEqual(await section.getByRole("heading", { level: 3 }).allInnerTexts(), ["Rejected by the provider", "Refused by the gateway"]);
    const id = "[A-Z0-9]{26}";
    const rows = (await section.getByRole("row").allInnerTexts()).map((row) => row.replace(/\s+/g, " ").trim());
    const group = (text, ids) => new RegExp(`^token ${text} \\d\\d:\\d\\d:\\d\\d UTC \\d+ s ago${` ${id}`.repeat(ids)}$`);
    for (const want of [
      group("client_secret_post rejected 9", 3),
      group("client_secret_basic rejected 1", 1),
      group("\\w+ query_credentials 1", 1),
      group("client_secret_basic multiple_methods 1", 1),
      group("client_secret_basic malformed_basic 1", 1),
    ]) {
      assert.ok(rows.some((row) => want.test(row)), `${want} is not in\n${rows.join("\n")}`);
    }
  });

  await t.test("the page refreshes itself until it is paused", async () => {
    const refresh = page.tab.locator("meta[http-equiv=refresh]");
    assert.equal(await refresh.count(), 1);
    await page.tab.getByRole("link", { name: "Pause refreshing" }).click();
    await page.tab.getByText("Refreshing is paused.").waitFor();
    assert.equal(await refresh.count(), 0);
    await page.tab.getByRole("link", { name: "Resume refreshing" }).click();
    await page.tab.getByText("Refreshes every 30 seconds.").waitFor();
    assert.equal(await refresh.count(), 1);
  });

  await t.test("published and served metadata", async () => {
    const differ = page.section("Metadata").getByRole("table", { name: /differ/ });
    const row = differ.getByRole("row", { name: /^token_endpoint_auth_methods_supported/ });
    assert.deepEqual(await row.getByRole("cell").allInnerTexts(), ['["client_secret_post"]', '["client_secret_post","client_secret_basic"]']);
    await page.section("Metadata").getByText(/members are served as published/).first().waitFor();
    await page.section("Metadata").getByText("The provider has no document here. Clients get 404, or the document from another location of the issuer.").waitFor();
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
  assert.equal(await page.tab.title(), "Configuration: Warnings · oauthgw");
  await page.expectTile("Configuration", "warning", "Warnings");
  await page.section("Configuration warnings").getByText("client_auth.failures: has no effect").waitFor();
  assert.equal(await page.tab.locator("script, img, i, b, main style").count(), 0);
  await page.tab.getByText("\\u202egnorw si siht\\u2066").waitFor();
  await page.tab.getByText("<b>member</b>").waitFor();
  assert.ok((await page.tab.content()).length < 100_000);
  await assertReadable(t, page);
  assert.deepEqual(page.complaints, []);
});

// visit makes a client's requests, with secrets that the page must not show, and resolves
// to the client.
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
  return { id, secret };
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
// 1.4.3), in both color schemes.
async function assertReadable(t, page) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, ...widths, 720, 1000]) {
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
    // screenshot writes a picture of the page, which for the README ends after the groups.
    screenshot: async (width) => {
      await tab.emulateMedia({ colorScheme: "light" });
      await tab.setViewportSize({ width, height: 800 });
      await tab.screenshot({ path: path.join(build, `status-${width}.png`), fullPage: true });
      if (!process.env.STATUS_SCREENSHOT || width !== Math.max(...widths)) return;
      const { y } = await tab.getByRole("region", { name: "Metadata", exact: true }).boundingBox();
      await tab.screenshot({ path: process.env.STATUS_SCREENSHOT, fullPage: true, clip: { x: 0, y: 0, width, height: y } });
    },
    // expectTile checks a tile's word, and its color in both color schemes.
    expectTile: async (name, state, word) => {
      const tile = tab.locator(".tile").filter({ has: tab.getByText(name, { exact: true }) });
      assert.equal(await tile.locator("strong").innerText(), word);
      for (const colorScheme of ["light", "dark"]) {
        await tab.emulateMedia({ colorScheme });
        const used = await tile.evaluate((element) => [getComputedStyle(element).borderLeftColor, getComputedStyle(element.querySelector("strong")).color]);
        assert.deepEqual(used, [colors[colorScheme][state], colors[colorScheme][state]], `${name} in ${colorScheme}`);
      }
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
