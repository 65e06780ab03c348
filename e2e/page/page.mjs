// A page in the browser, and what the test has to do with it.

// Page is the client's page at a site.
export class Page {
  answers = []; // what the page was let have

  // open opens the page in a tab of its own, which closes with the test.
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

  // fetch resolves to the status of an answer, and fails with the page's error.
  fetch(url, init = {}) {
    return this.tab.evaluate(async ([url, init]) => (await fetch(url, init)).status, [url, init]);
  }

  // complaint resolves as soon as the browser says this on its console.
  complaint(pattern) {
    return this.tab.waitForEvent("console", (message) => pattern.test(message.text()));
  }

  // consent plays the user, from where the client sends the browser to where
  // the provider sends it back to.
  async consent(as, client) {
    const asked = this.tab.waitForURL((url) => url.href.startsWith(as.authorization_endpoint));
    await this.call("leave", as, client);
    await asked;
    await this.tab.getByRole("button", { name: "Allow" }).click();
    await this.tab.waitForURL((url) => url.origin === this.site && url.searchParams.has("code"));
  }

  // permissions resolves to the CORS fields of each answer from the origin.
  async permissions(origin) {
    const answers = this.answers.filter((answer) => new URL(answer.url()).origin === origin);
    const headers = await Promise.all(answers.map((answer) => answer.headersArray()));
    return headers.map((fields) => fields.filter(({ name }) => /^access-control-/i.test(name)));
  }
}
