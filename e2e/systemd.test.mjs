// systemd reads the units without a warning and rates them as well protected.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

const top = path.join(import.meta.dirname, "..");
const units = path.join(top, "deploy/systemd");
const gateway = path.join(import.meta.dirname, ".build/oauthgw");
const installed = fs.mkdtempSync(path.join(import.meta.dirname, ".build/systemd-"));
after(() => fs.rmSync(installed, { recursive: true }));

// As installed here, with the path of the program.
const names = fs.readdirSync(units);
for (const name of names) {
  const text = fs.readFileSync(path.join(units, name), "utf8").replaceAll("/usr/local/bin/oauthgw", gateway);
  fs.writeFileSync(path.join(installed, name), text);
}
const service = path.join(installed, "oauthgw.service");

function analyze(...args) {
  const { status, stdout, stderr, error } = spawnSync("systemd-analyze", args, { encoding: "utf8", timeout: 30_000 });
  assert.ifError(error);
  return { status, stdout, stderr };
}

const verify = () => analyze("verify", "--man=no", ...names.map((name) => path.join(installed, name)));

test("systemd reads the units without a warning", () => {
  assert.deepEqual(names.toSorted(), ["oauthgw.service", "oauthgw.socket"]);
  const { status, stderr } = verify();
  const lines = stderr.split("\n").filter(Boolean);
  assert.deepEqual({ status, lines }, { status: 0, lines: [] });
});

test("systemd reports an error in a unit", () => {
  const text = fs.readFileSync(service, "utf8");
  fs.writeFileSync(service, text.replace("DynamicUser=yes", "DynamicUsr=yes"));
  const { stderr } = verify();
  fs.writeFileSync(service, text);
  assert.match(stderr, /Unknown key .*'DynamicUsr'/);
});

// The threshold is in tenths. The rating differs a little between versions.
test("the service is exposed to at most 1.5 of 10", () => {
  const { status, stdout, stderr } = analyze("security", "--offline=true", "--threshold=15", "--no-pager", service);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /Overall exposure level for oauthgw\.service: \d/);
});

test("systemd waits for the drain", () => {
  const [, stop] = fs.readFileSync(service, "utf8").match(/^TimeoutStopSec=(\d+)s$/m);
  const example = fs.readFileSync(path.join(top, "config.example.yaml"), "utf8");
  const [, delay, timeout] = example.match(/^drain:\n(?:  #.*\n)*  delay: (\d+)s\n(?:  #.*\n)*  timeout: (\d+)s\n/m);
  assert.ok(Number(stop) > Number(delay) + Number(timeout), `${stop} s for ${delay} s and ${timeout} s`);
});
