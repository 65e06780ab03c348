// coreos/go-oidc with golang.org/x/oauth2, as ../../clients/gooidc. It checks
// the issuer of the metadata and of the ID token.
import assert from "node:assert/strict";
import path from "node:path";
import { build } from "../../deployment.mjs";
import { Process } from "../../processes.mjs";
import { browse } from "../browser.mjs";
import { register } from "../registration.mjs";

const redirectURI = "http://127.0.0.1/callback";

export async function logIn(t, { deployment }) {
  const { client_id, client_secret } = await register(deployment, { redirect_uris: [redirectURI] });
  const child = new Process("gooidc", path.join(build, "gooidc"), [], { input: "pipe", env: {} });
  t.after(() => child.stop());
  const send = (line) => child.child.stdin.write(`${JSON.stringify(line)}\n`);
  send({ issuer: deployment.origin, client_id, client_secret, redirect_uri: redirectURI });
  const [first] = await child.saw(/^\{.*\n/);
  const { authorization_url, error } = JSON.parse(first);
  assert.ok(authorization_url, error);
  send(await browse(authorization_url));
  assert.equal(await child.exit(), 0, child.output);
  const last = JSON.parse(child.stdout.trimEnd().split("\n").at(-1));
  assert.equal(last.subject, "user", last.error);
}
