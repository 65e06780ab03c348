// Chromium, a site with a client that is a web page, and that page.
import { once } from "node:events";
import fs from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";
import { build } from "../deployment.mjs";

const args = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // It cannot reach the network outside.
  "--no-proxy-server",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

// launch resolves to Debian's Chromium with a profile of its own, until the test ends.
// options are playwright's.
export async function launch(t, options = {}) {
  await fs.mkdir(build, { recursive: true });
  const profile = await fs.mkdtemp(path.join(build, "chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    // Chromium has no sandbox for root. The pages are the tests' own.
    chromiumSandbox: false,
    args,
    env: { PATH: process.env.PATH, HOME: profile },
    timeout: 30_000,
    ...options,
  });
  t.after(async () => {
    await browser.close();
    await fs.rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  browser.setDefaultTimeout(10_000);
  return browser;
}

const e2e = path.dirname(import.meta.dirname);
const files = {
  "/": ["text/html", "page/index.html"],
  "/client.js": ["text/javascript", "page/client.js"],
  "/oauth4webapi.js": ["text/javascript", "node_modules/oauth4webapi/build/index.js"],
};

// startSite starts a site with the client until the test ends, and resolves to its origin.
export async function startSite(t) {
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

async function serve(request, response) {
  const [type, file] = files[new URL(request.url, "http://site").pathname] ?? [];
  if (!file) return response.writeHead(404).end();
  const text = await fs.readFile(path.join(e2e, file));
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(text);
}

// Page is the client's page at a site.
export class Page {
  answers = []; // responses that the page received

  // open opens the page in a new tab until the test ends.
  static async open(t, browser, site) {
    const page = new Page();
    page.site = site;
    page.tab = await browser.newPage();
    t.after(() => page.tab.close());
    page.tab.on("response", (response) => page.answers.push(response));
    await page.tab.goto(`${site}/`);
    return page;
  }

  // call calls a function of the client.
  call(name, ...args) {
    return this.tab.evaluate(async ([name, args]) => (await import("/client.js"))[name](...args), [name, args]);
  }

  // fetch resolves to the status of a response, or rejects with the page's error.
  fetch(url, init = {}) {
    return this.tab.evaluate(async ([url, init]) => (await fetch(url, init)).status, [url, init]);
  }

  // consoleMessage resolves as soon as the browser prints this on its console.
  consoleMessage(pattern) {
    return this.tab.waitForEvent("console", (message) => pattern.test(message.text()));
  }

  // consent plays the user, from the client's redirect to that of the provider.
  async consent(as, client) {
    const opened = this.tab.waitForURL((url) => url.href.startsWith(as.authorization_endpoint));
    await this.call("leave", as, client);
    await opened;
    await this.tab.getByRole("button", { name: "Allow" }).click();
    await this.tab.waitForURL((url) => url.origin === this.site && url.searchParams.has("code"));
  }

  // corsFields resolves to the CORS fields of each response from the origin.
  async corsFields(origin) {
    const answers = this.answers.filter((answer) => new URL(answer.url()).origin === origin);
    const headers = await Promise.all(answers.map((answer) => answer.headersArray()));
    return headers.map((fields) => fields.filter(({ name }) => /^access-control-/i.test(name)));
  }
}
