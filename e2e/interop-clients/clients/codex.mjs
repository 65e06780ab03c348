// Codex CLI. It checks the issuer of the metadata.
import assert from "node:assert/strict";
import { Codex } from "../../codex.mjs";
import { browse, finish } from "../browser.mjs";
import { register, update } from "../registration.mjs";

const anywhere = "http://127.0.0.1/callback";

// logIn registers by Codex's own means. It asks for the method none, so where
// that brings no secret it is given a client that is registered already.
export async function logIn(t, { deployment, provider }) {
  const codex = await Codex.install(t, "0.169");
  const user = async (url) => finish(await browse(url));
  const options = provider.registersNone ? { user } : { user, ...(await given(deployment)) };
  const login = await codex.login(deployment.mcp, options);
  assert.equal(login.code, 0, login.output);
  assert.match(login.output, /Successfully logged in/);
  assert.ok((await codex.credentials()).access_token);
}

async function given(deployment) {
  const client = await register(deployment, { redirect_uris: [anywhere] });
  return {
    // With =, because an id can begin with a dash.
    flags: [`--oauth-client-id=${client.client_id}`, `--oauth-client-secret=${client.client_secret}`],
    // The callback is Codex's choice and is known only now.
    beforeConsent: (url) => update(client, { redirect_uris: [url.searchParams.get("redirect_uri")] }),
  };
}
