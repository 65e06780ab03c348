// The MCP TypeScript SDK's own flow, from the MCP server's URL to the tokens.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import { browse } from "../browser.mjs";

const redirectURI = "http://127.0.0.1/callback";

export async function logIn(t, { deployment }) {
  const client = new Client();
  assert.equal(await auth(client, { serverUrl: deployment.mcp }), "REDIRECT");
  const callback = new URL(await browse(client.authorizationURL)).searchParams;
  assert.equal(callback.get("state"), client.expected);
  assert.equal(await auth(client, { serverUrl: deployment.mcp, authorizationCode: callback.get("code") }), "AUTHORIZED");
  assert.equal(client.information.token_endpoint_auth_method, "client_secret_basic");
  assert.ok(client.saved.access_token);
}

// Client is what the SDK asks of an application: to keep what it learns. Its
// metadata names no method, which means client_secret_basic.
class Client {
  redirectUrl = redirectURI;
  clientMetadata = { client_name: "e2e", redirect_uris: [redirectURI], grant_types: ["authorization_code"] };
  expected = crypto.randomBytes(16).toString("base64url");

  state() { return this.expected; }
  clientInformation() { return this.information; }
  saveClientInformation(information) { this.information = information; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(url) { this.authorizationURL = url.href; }
}
