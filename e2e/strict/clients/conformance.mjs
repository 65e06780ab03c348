// The MCP project's conformance tests of authorization servers: of the
// metadata, and of the authorization code grant. They check the issuer of both.
import assert from "node:assert/strict";
import path from "node:path";
import { freePorts, Process } from "../../processes.mjs";
import { browse, finish } from "../browser.mjs";
import { write } from "../files.mjs";
import { node22 } from "../node22.mjs";
import { register } from "../registration.mjs";

const program = path.join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/conformance/dist/index.js");

export async function logIn(t, { deployment }) {
  const [port] = await freePorts(1);
  const { client_id, client_secret } = await register(deployment, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const settings = await write(t, "settings.json", { url: deployment.origin, clientId: client_id, clientSecret: client_secret });
  const child = new Process("conformance", node22, [program, "authorization", `--file=${settings}`, `--port=${port}`]);
  t.after(() => child.stop());
  const [, authorizationURL] = await child.saw(/^(http:\S+response_type=code\S*)\n/m);
  await finish(await browse(authorizationURL));
  const code = await child.exit();
  assert.equal(code, 0, child.output);
  return child.output;
}
