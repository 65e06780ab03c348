// The providers that read client credentials only from the form.
import path from "node:path";
import { build } from "../deployment.mjs";
import { golang, npm } from "../clients/versions.mjs";
import { node22 } from "./node22.mjs";

// openid tells that a provider speaks OpenID Connect, issParameter that its
// authorization responses name the issuer (RFC 9207), registersNone that a
// client that asks for the method none, as Codex does, is given a secret all
// the same, updates that clients change their registration (RFC 7592 section
// 2.2), hostURLs that it makes its URLs from the Host of the request, and
// resource that there is an MCP server on its own origin. locations are where
// it has metadata.
export const providers = [
  {
    name: "oidc-provider",
    version: () => npm("oidc-provider"),
    program: [node22, path.join(import.meta.dirname, "oidc-provider.mjs")],
    openid: true,
    issParameter: true,
    updates: true,
    hostURLs: true,
    tokenPath: "/token",
    locations: ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
  },
  {
    name: "go-oauth2",
    version: () => golang("github.com/go-oauth2/oauth2/v4", "interop-servers"),
    program: [path.join(build, "interop-servers"), "--library=go-oauth2"],
    registersNone: true,
    tokenPath: "/token",
    locations: ["/.well-known/oauth-authorization-server"],
  },
  {
    name: "fosite",
    version: () => golang("github.com/ory/fosite", "interop-servers"),
    program: [path.join(build, "interop-servers"), "--library=fosite"],
    registersNone: true,
    tokenPath: "/token",
    locations: ["/.well-known/oauth-authorization-server"],
  },
  {
    name: "legacy",
    program: [path.join(build, "legacyd")],
    registersNone: true,
    updates: true,
    resource: true,
    tokenPath: "/oauth2/tokens",
    locations: ["/.well-known/oauth-authorization-server"],
  },
];
