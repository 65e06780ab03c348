// The clients, what they are for, and what they do not put up with.
import * as codex from "./codex.mjs";
import * as conformance from "./conformance.mjs";
import * as goOIDC from "./go-oidc.mjs";
import * as mcpSDK from "./mcp-sdk.mjs";
import * as openidClient from "./openid-client.mjs";
import { golang, npm } from "../../clients/versions.mjs";

// What oauthgw check says of a provider that names its own issuer where the
// gateway does not look, and of its pages at another origin than the issuer.
export const warnings = {
  response: /^Authorization responses name the issuer /m,
  token: /^ID tokens .*name the issuer /m,
  authorization: /^The authorization_endpoint .*Codex/m,
};

const basic = "client_secret_basic";

// method is how a client authenticates where the metadata lists both methods.
// A client with openid asks for what only OpenID Connect has. refuses tells
// which of the warnings it stumbles on, and in what words.
export const clients = [
  {
    name: "Codex CLI",
    version: () => npm("codex-0.169"),
    ...codex,
    method: basic,
    refuses: {
      authorization: /authorization endpoint origin does not match the authorization server origin/,
      response: /Authorization server issuer mismatch: expected \S+, received \S+/,
    },
  },
  { name: "MCP TypeScript SDK", version: () => npm("@modelcontextprotocol/sdk"), ...mcpSDK, method: basic },
  {
    name: "openid-client",
    version: () => npm("openid-client-6"),
    ...openidClient,
    method: basic,
    refuses: { response: /unexpected "iss" \(issuer\) response parameter value/ },
  },
  {
    name: "go-oidc",
    version: () => golang("github.com/coreos/go-oidc/v3", "gooidc"),
    ...goOIDC,
    method: basic,
    openid: true,
    refuses: { token: /ID token: oidc: id token issued by a different provider/ },
  },
  {
    name: "MCP conformance",
    version: () => npm("@modelcontextprotocol/conformance"),
    ...conformance,
    // It prefers the form to Basic.
    method: "client_secret_post",
    refuses: { response: /Invalid iss parameter/ },
  },
];
