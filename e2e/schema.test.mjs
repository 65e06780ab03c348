// The schema accepts and rejects configurations as the gateway does, checked with an
// independent validator and YAML parser.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import { parseAllDocuments } from "yaml";

const root = path.join(import.meta.dirname, "..");
const configurations = path.join(root, "internal/config/testdata");
const read = (file) => fs.readFileSync(file, "utf8");
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true })
  .compile(JSON.parse(read(path.join(root, "docs/config.schema.json"))));

// complaints are the errors that an editor shows.
function complaints(text) {
  const documents = parseAllDocuments(text);
  if (documents.length === 0) return [];
  const found = documents.flatMap((document) => [...document.errors, ...document.warnings]);
  if (documents.length > 1) found.push("several documents");
  if (found.length > 0) return found.map(String);
  let value;
  try {
    value = documents[0].toJS();
  } catch (error) {
    return [String(error)];
  }
  return validate(value) ? [] : validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test("the example is valid, and names the schema", () => {
  const text = read(path.join(root, "config.example.yaml"));
  const [, schema] = text.match(/^# yaml-language-server: \$schema=(\S+)\n/);
  assert.ok(fs.existsSync(path.join(root, schema)), schema);
  assert.deepEqual(complaints(text), []);
});

// The schema accepts broken files whose errors it cannot express, such as two keys that
// exclude each other.
const names = fs.readdirSync(configurations).filter((name) => name.endsWith(".yaml"));
test("there are files to check", () => assert.ok(names.length > 10, `${names.length} files`));
for (const name of names) {
  const text = read(path.join(configurations, name));
  const refused = /^# editor: refuses$/m.test(text);
  test(`${name} is ${refused ? "refused" : "valid"}`, () => {
    assert.equal(complaints(text).length > 0, refused, complaints(text).join("\n"));
  });
}
