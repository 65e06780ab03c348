// The providers, none of which registers clients, and the modes of the gateway in front of them.
import { providers as all } from "../interop-clients/providers.mjs";

// The modes. With aliases, agents that support client ID metadata documents use them. With rewrite,
// the provider's issuer is at its own origin. The last mode is for clients that have a secret of
// their own.
export const direct = { name: "no gateway" };
export const register = { name: "`register`", gateway: true, agents: true };
export const aliases = { name: "`register` and `aliases`", gateway: true, agents: true, aliases: true };
const rewrite = { name: "`register`, `metadata.issuer: rewrite`", gateway: true, agents: true, rewrite: true };
const header = { name: "`upstream.client_auth: client_secret_basic`", gateway: true };

const known = (name) => all.find((provider) => provider.name === name);
const post = "client_secret_post";
const basic = "client_secret_basic";

const fosite = known("fosite");
const withoutRegistration = [...fosite.program, "--registration=false"];
const fositeForBasic = { ...fosite, note: ", Basic only", auth: basic, scopes: ["read"], program: [...withoutRegistration, `--client-auth=${basic}`] };

// The members of a provider, besides those of ../interop-clients/providers.mjs:
//   auth      the method of client authentication that it reads
//   scopes    the scopes that the application needs
//   modes     the modes of the gateway
//   refusals  why an agent fails that knows its id, if not because it has no secret
export const providers = [
  {
    ...known("oidc-provider"),
    auth: post,
    scopes: ["openid"],
    modes: [register, aliases],
    // It rejects every resource (RFC 8707). Codex adds offline_access, because the metadata lists
    // it, and the provider ignores that but rejects a refresh for it.
    refusals: { codex: /error=invalid_target/ },
    repair: { requests: { remove: ["resource"], scope: { remove: ["offline_access"] } } },
  },
  { ...fosite, auth: post, scopes: ["read"], modes: [register, aliases], program: withoutRegistration },
  { ...known("doorkeeper"), auth: post, scopes: ["read"], modes: [register, aliases] },
  { ...fositeForBasic, modes: [register, rewrite] },
  // It reads the form, too. Its metadata is not at the origin of the MCP server.
  { ...known("Django OAuth Toolkit"), auth: basic, scopes: ["read"], modes: [aliases] },
];

// headerOnly is the provider for clients that send their own secret in the form.
export const headerOnly = { ...fositeForBasic, modes: [header] };
