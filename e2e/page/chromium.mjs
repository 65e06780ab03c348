// Debian's Chromium, with a profile that goes with the test.
import fs from "node:fs/promises";
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
  // Whatever it wants of the network outside ends here.
  "--no-proxy-server",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

// launch resolves to a browser in which pages can be opened. The options are
// playwright's besides.
export async function launch(t, options = {}) {
  await fs.mkdir(build, { recursive: true });
  const profile = await fs.mkdtemp(path.join(build, "chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    // Tests may be run by root, for whom Chromium has no sandbox. The pages are
    // the tests' own.
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
