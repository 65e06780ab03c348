// The MCP project's conformance tests of authorization servers: of the
// metadata, and of the authorization code grant. They check the issuer of both.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import path from "node:path";
import { write } from "../../deployment.mjs";
import { freePorts, Process } from "../../processes.mjs";
import { browse, finish } from "../browser.mjs";
import { node22 } from "../node22.mjs";
import { register } from "../registration.mjs";

// Client ID metadata documents are the provider's to offer.
const expected = {
  "authorization-server-metadata": "SUCCESS",
  "authorization-server-metadata-cimd": "WARNING",
  "authorization-code-grant": "SUCCESS",
};

const program = path.join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/conformance/dist/index.js");

export async function logIn(t, { deployment }) {
  const [port] = await freePorts(1);
  const { client_id, client_secret } = await register(deployment, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const settings = await write(t, "settings.json", { url: deployment.origin, clientId: client_id, clientSecret: client_secret });
  const results = path.dirname(settings);
  const child = new Process("conformance", node22, [
    program,
    "authorization",
    `--file=${settings}`,
    `--port=${port}`,
    `--output-dir=${results}`,
  ]);
  t.after(() => child.stop());
  const [, authorizationURL] = await child.saw(/^(http:\S+response_type=code\S*)\n/m);
  await child.saw(/^Callback server started/m);
  await finish(await browse(authorizationURL));
  const code = await child.exit();
  const checks = await read(results);
  assert.equal(code, 0, JSON.stringify(checks));
  assert.deepEqual(checks, expected);
}

// read resolves to how each check ended, without what a warning is about.
async function read(results) {
  const files = (await fs.readdir(results, { recursive: true })).filter((file) => file.endsWith("checks.json"));
  const checks = await Promise.all(files.map(async (file) => JSON.parse(await fs.readFile(path.join(results, file), "utf8"))));
  return Object.fromEntries(checks.flat().map(({ id, status, errorMessage }) => [id, status === "FAILURE" ? errorMessage : status]));
}
