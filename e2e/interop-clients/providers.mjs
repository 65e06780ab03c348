// The providers, most of which read client credentials only from the form, and the ways in
// which the gateway names the issuer.
import path from "node:path";
import { build, debian, golang, npm, output } from "../deployment.mjs";

// node22 runs oidc-provider and the MCP project's conformance tests, which need Node 22.
const installed = path.join(import.meta.dirname, "../node_modules", `node-linux-${process.arch}`, "bin/node");
export const node22 = Number.parseInt(process.versions.node) >= 22 ? process.execPath : installed;

const unread = /^problem: token endpoint: Credentials sent by HTTP Basic \(client_secret_basic\) are not read/m;

// The members of a provider:
//   openid         it supports OpenID Connect
//   subject        the subject of its user in ID tokens
//   issParameter   its authorization responses name the issuer (RFC 9207)
//   registersNone  a client that requests the method none, as Codex does, gets a secret
//   preregistered  clients cannot register, so its operator registers one
//   updates        clients can change their registration (RFC 7592 section 2.2)
//   listsMethod    the registrations that it returns hold the method in a list
//   readsBasic     it reads Basic
//   errors         how it rejects an unknown client and an unknown code
//   diagnosis      what doctor finds at the provider
//   problems       what doctor finds even at the gateway
//   hostURLs       it derives its URLs from the Host of the request
//   resource       there is an MCP server on its own origin
//   scopes         the scopes that the MCP server requires
//   tokenPath      the path of its token endpoint
//   issuerPath     the path of its issuer
//   locations      the paths of its metadata
//   patch          the metadata.patch that it needs at an origin
//   repair         the repair that it needs
export const providers = [
  {
    name: "oidc-provider",
    version: () => npm("oidc-provider"),
    program: [node22, path.join(import.meta.dirname, "oidc-provider.mjs")],
    openid: true,
    subject: /^user$/,
    diagnosis: unread,
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
    // With its store in memory it fails for an unknown client with 500.
    problems: /^problems: 1, /m,
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
    diagnosis: unread,
    registersNone: true,
    updates: true,
    resource: true,
    tokenPath: "/oauth2/tokens",
    locations: ["/.well-known/oauth-authorization-server"],
  },
  {
    name: "doorkeeper",
    version: () => debian("ruby-doorkeeper"),
    program: ["/usr/bin/ruby", path.join(import.meta.dirname, "doorkeeper.rb")],
    openid: true,
    subject: /^user$/,
    preregistered: true,
    hostURLs: true,
    // Its metadata lists Basic, and it rejects an unknown client in either way alike.
    diagnosis: /^warning: token endpoint: The answer to Basic is a 401 that does not challenge for Basic/m,
    patch: () => ({ add: { code_challenge_methods_supported: ["S256"] } }),
    tokenPath: "/oauth/token",
    locations: ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
  },
  {
    name: "glewlwyd",
    version: () => output(path.join(build, "glewlwyd/usr/bin/glewlwyd"), "--version").trim(),
    program: ["/usr/bin/python3", path.join(import.meta.dirname, "glewlwyd.py")],
    openid: true,
    // A random string.
    subject: /^\w{32}$/,
    updates: true,
    listsMethod: true,
    // Its revocation endpoint answers 401 without a body.
    problems: /^problems: 1, /m,
    // It reads the form at these endpoints, too.
    patch: () => ({
      add: {
        scopes_supported: ["read"],
        revocation_endpoint_auth_methods_supported: ["client_secret_post"],
        introspection_endpoint_auth_methods_supported: ["client_secret_post"],
      },
    }),
    // It requires a scope.
    repair: { requests: { scope: { default: "read" } } },
    errors: { client: /^unauthorized_client$/, code: /^invalid_code$/ },
    scopes: ["read"],
    issuerPath: "/api/oidc",
    tokenPath: "/api/oidc/token",
    locations: ["/api/oidc/.well-known/openid-configuration"],
  },
  {
    name: "Django OAuth Toolkit",
    version: () => debian("python3-django-oauth-toolkit"),
    program: ["/usr/bin/python3", path.join(import.meta.dirname, "oauth_toolkit.py")],
    openid: true,
    subject: /^1$/,
    preregistered: true,
    readsBasic: true,
    patch: (origin) => ({
      add: { code_challenge_methods_supported: ["S256"] },
      set: { revocation_endpoint: `${origin}/o/revoke_token/`, introspection_endpoint: `${origin}/o/introspect/` },
    }),
    tokenPath: "/o/token/",
    issuerPath: "/o",
    locations: ["/o/.well-known/openid-configuration"],
  },
];

export const direct = { name: "no gateway" };
export const preserve = { name: "preserve", issuer: "preserve" };
const rewrite = { name: "rewrite", issuer: "rewrite" };
const alone = { name: "rewrite, no passthrough", issuer: "rewrite", passthrough: false };

// modes returns the issuer modes of a provider. Without passthrough the consent page stays
// at the provider's own origin, so the provider must not derive URLs from Host, and clients
// cannot reach an MCP server behind it. Repairs of requests need the authorization endpoint
// at the gateway.
export function modes(provider) {
  return provider.hostURLs || provider.resource || provider.repair ? [preserve, rewrite] : [preserve, rewrite, alone];
}

// expectedWarnings returns the names of the warnings that check must print.
export function expectedWarnings(provider, mode) {
  if (mode.issuer === "preserve") return [];
  return Object.entries({
    authorization: mode.passthrough === false,
    response: provider.issParameter,
    token: provider.openid,
  }).filter(([, expected]) => expected).map(([name]) => name);
}
