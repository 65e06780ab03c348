// Forms as the gateway sends them mean the same to other parsers: those of browsers and of
// Python.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

const recorded = path.join(import.meta.dirname, "../clientauth/testdata/forms.json");
const forms = JSON.parse(fs.readFileSync(recorded, "utf8")).filter((form) => form.sent);

test("there are forms to compare", () => assert.ok(forms.length > 50, `${forms.length} forms`));

test("URLSearchParams reads what the gateway read", () => {
  for (const { form, sent, parameters } of forms) {
    assert.deepEqual([...new URLSearchParams(sent)], parameters, form);
  }
});

test("Python reads what the gateway read", () => {
  const program = `
import json, sys, urllib.parse
print(json.dumps([urllib.parse.parse_qsl(s, keep_blank_values=True, strict_parsing=True, errors="strict") for s in json.load(sys.stdin)]))`;
  const read = execFileSync("python3", ["-c", program], { input: JSON.stringify(forms.map(({ sent }) => sent)), timeout: 30_000 });
  assert.deepEqual(JSON.parse(read), forms.map(({ parameters }) => parameters));
});
