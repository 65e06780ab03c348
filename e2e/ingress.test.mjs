// The ingresses of docs/getting-started.md send clients to the gateway, under the
// provider's name and by TLS.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { build, ready, start } from "./deployment.mjs";
import { blocks, elsewhere } from "./getting-started.mjs";
import { freePorts, Process } from "./processes.mjs";

// How to run each ingress with the page's configuration, on the ports and in the
// directories of the test.
const ingresses = {
  nginx: {
    configure: (shown, { directory, port }) =>
      `daemon off; worker_processes 1; pid ${directory}/pid; error_log stderr; events {}
http { access_log off; ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${directory}/${what};`).join(" ")}
${replaceOnce(shown, "listen 443 ssl", `listen 127.0.0.1:${port} ssl`)} }`,
    run: (file) => ["-e", "stderr", "-c", file],
    test: (file) => ["-e", "stderr", "-t", "-c", file],
  },
  caddyfile: {
    program: "caddy",
    configure: (shown, { port }) =>
      `{\nadmin off\nauto_https disable_redirects\ndefault_bind 127.0.0.1\n}\n${replaceOnce(shown, "localhost {", `localhost:${port} {`)}`,
    run: (file) => ["run", "--adapter", "caddyfile", "--config", file],
    test: (file) => ["validate", "--adapter", "caddyfile", "--config", file],
  },
};

for (const [language, ingress] of Object.entries(ingresses)) {
  const name = ingress.program ?? language;
  const [shown, ...more] = blocks.filter((block) => block.language === language);

  test(`${name} as on the page sends clients to the gateway, or past it if it names the provider`, { timeout: 120_000 }, async (t) => {
    assert.deepEqual(more, []);
    const site = await openSite(t);
    for (const [port, problems] of [[site.gateway, 0], [site.provider, 2]]) {
      await t.test(`it sends clients to ${port === site.gateway ? "the gateway" : "the provider"}`, async (t) => {
        await startIngress(t, name, ingress, shown.text, site, port);
        const doctor = spawnSync(path.join(build, "oauthgw"), ["doctor", `--ca-file=${site.certificate}`, site.origin], { encoding: "utf8", timeout: 60_000 });
        assert.match(doctor.stdout, new RegExp(`^problems: ${problems},`, "m"), doctor.stdout + doctor.stderr);
        assert.equal(doctor.stdout.includes("are not read"), problems > 0, doctor.stdout);
        assert.equal(doctor.status, problems ? 1 : 0);
      });
    }
  });
}

// openSite starts the provider and the gateway, and makes the certificate of their common
// name.
async function openSite(t) {
  const directory = await fs.mkdtemp(path.join(build, "ingress-"));
  t.after(() => fs.rm(directory, { recursive: true, force: true }));
  const [certificate, key] = ["certificate.pem", "key.pem"].map((file) => path.join(directory, file));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key], { stdio: "pipe" });
  const [port, provider, gateway, admin] = await freePorts(4);
  const origin = `https://localhost:${port}`;
  const legacyd = start(t, "legacyd", [`--listen=127.0.0.1:${provider}`, `--public-url=${origin}`]);
  await legacyd.saw(/^listening on /m);
  const oauthgw = start(t, "oauthgw", [`--upstream.url=http://127.0.0.1:${provider}`, `--listen=127.0.0.1:${gateway}`, `--admin.listen=127.0.0.1:${admin}`]);
  await ready(oauthgw, `http://127.0.0.1:${admin}/-/ready`);
  return { directory, certificate, key, port, provider, gateway, origin };
}

// startIngress runs the page's configuration with this site's names until the test ends.
// target is the port to which it sends clients.
async function startIngress(t, name, ingress, shown, site, target) {
  const here = elsewhere(shown, { 8080: target })
    .replaceAll("/etc/ssl/coder.example.com.pem", site.certificate)
    .replaceAll("/etc/ssl/coder.example.com.key", site.key)
    .replaceAll("coder.example.com", "localhost");
  const file = path.join(site.directory, name);
  await fs.writeFile(file, ingress.configure(here, site));
  const program = path.join(build, name);
  const env = { PATH: process.env.PATH, HOME: site.directory };
  const tested = spawnSync(program, ingress.test(file), { env, encoding: "utf8", timeout: 30_000 });
  assert.equal(tested.status, 0, tested.stdout + tested.stderr);
  const running = new Process(name, program, ingress.run(file), { env });
  t.after(() => running.stop());
  await listening(running, site);
}

// listening resolves as soon as the ingress responds by TLS.
async function listening(running, site) {
  const responds = () => spawnSync("curl", ["-s", "--cacert", site.certificate, "-o", "/dev/null", site.origin], { timeout: 5000 }).status === 0;
  for (const end = Date.now() + 20_000; Date.now() < end && running.child.exitCode === null; ) {
    if (responds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${running.name} does not respond:\n${running.output}`);
}

function replaceOnce(text, from, to) {
  assert.equal(text.split(from).length, 2, `${from} is not there once`);
  return text.replace(from, to);
}
