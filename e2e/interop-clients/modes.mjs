// The ways in which a gateway can name the issuer.

const preserve = { name: "preserve", issuer: "preserve" };
const rewrite = { name: "rewrite", issuer: "rewrite" };
const alone = { name: "rewrite, no passthrough", issuer: "rewrite", passthrough: false };

// modes returns those that a provider can have. Without passthrough the page at
// which the user agrees stays at the provider's own origin, which only one that
// does not make its URLs from the Host of the request names; an MCP server behind
// the provider is out of reach.
export function modes(provider) {
  return provider.hostURLs || provider.resource ? [preserve, rewrite] : [preserve, rewrite, alone];
}

// stumblingBlocks returns the names of the warnings that are due.
export function stumblingBlocks(provider, mode) {
  if (mode.issuer === "preserve") return [];
  return Object.entries({
    authorization: mode.passthrough === false,
    response: provider.issParameter,
    token: provider.openid,
  }).filter(([, due]) => due).map(([name]) => name);
}
