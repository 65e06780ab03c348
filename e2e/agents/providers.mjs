// The providers, none of which registers clients. Each demands a client's secret.
import { providers as all } from "../interop-clients/providers.mjs";

const known = (name) => all.find((provider) => provider.name === name);
const fosite = known("fosite");

// basicOnly rejects secrets in the form.
export const basicOnly = {
  ...fosite,
  note: ", Basic only",
  auth: "client_secret_basic",
  scopes: ["read"],
  program: [...fosite.program, "--registration=false", "--client-auth=client_secret_basic"],
};

// auth is the method of client authentication that a provider reads, and scopes are those that the
// application needs. refusals say why an agent fails that knows its id, if not because it has no
// secret. The other members are those of ../interop-clients/providers.mjs.
export const providers = [
  {
    ...known("oidc-provider"),
    auth: "client_secret_post",
    scopes: ["openid"],
    // It rejects every resource (RFC 8707). Codex adds offline_access, because the metadata lists
    // it, and the provider ignores that but rejects a refresh for it.
    refusals: { codex: /error=invalid_target/ },
    repair: { requests: { remove: ["resource"], scope: { remove: ["offline_access"] } } },
  },
  { ...fosite, auth: "client_secret_post", scopes: ["read"], program: [...fosite.program, "--registration=false"] },
  { ...known("doorkeeper"), auth: "client_secret_post", scopes: ["read"] },
  basicOnly,
];

// The modes of the gateway. With aliases, agents that support client ID metadata documents use them.
export const direct = { name: "no gateway" };
export const register = { name: "`register`", gateway: true, agents: true };
export const aliases = { name: "`register` and `aliases`", gateway: true, agents: true, aliases: true };
export const mirror = { name: "`upstream.client_auth: client_secret_basic`", gateway: true };
