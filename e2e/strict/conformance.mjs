// The conformance tests of the MCP project for authorization servers.
import assert from "node:assert/strict";
import path from "node:path";
import { freePorts, Process } from "../processes.mjs";
import { browse, finish } from "./browser.mjs";
import { node22 } from "./node22.mjs";
import { register } from "./registration.mjs";

const program = path.join(import.meta.dirname, "../node_modules/@modelcontextprotocol/conformance/dist/index.js");

// conformance runs every scenario there is. The one that logs in asks for no
// scope, for which an OpenID provider has nothing to give, so that there only
// the metadata is judged.
export async function conformance(t, { origin, metadata }, provider) {
  const run = (...args) => {
    const child = new Process("conformance", node22, [program, "authorization", `--url=${origin}`, ...args]);
    t.after(() => child.stop());
    return child;
  };
  if (provider.openid) return passed(run("--scenario=authorization-server-metadata-endpoint"), /^Passed: 1\/1, 0 failed/m);

  const [port] = await freePorts(1);
  const client = await register(metadata, `http://127.0.0.1:${port}/callback`);
  const child = run(`--client-id=${client.client_id}`, `--client-secret=${client.client_secret}`, `--port=${port}`);
  const [url] = await child.saw(/http:\S+\?\S*response_type=code\S*/);
  await finish(await browse(url));
  await passed(child, /^Total: 2 passed, 0 failed/m);
}

async function passed(child, result) {
  assert.equal(await child.exit(60), 0, child.output);
  assert.match(child.output, result);
}
