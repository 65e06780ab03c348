// The table of providers in docs/compatibility.md, from the results.
import { direct, modes } from "./providers.mjs";

const refusals = [
  "1. without `passthrough` the `authorization_endpoint` stays at the provider's own origin",
  "2. `iss` in the authorization response names the provider's own issuer",
  "3. the ID token names the provider's own issuer",
];

// table returns Markdown with a row for each provider and issuer mode and a column for
// each client. Only successful tests have an outcome.
export function table(providers, clients, outcomes) {
  const versioned = ({ name, version }) => (version ? `${name} ${version()}` : name);
  const lines = [
    ["provider", "issuer", ...clients.map(versioned)],
    ["---", "---", ...clients.map(() => "---")],
  ];
  for (const provider of providers) {
    for (const mode of [direct, ...modes(provider)]) {
      const cell = (client) => {
        const outcome = outcomes.find((o) => o.client === client && o.provider === provider && o.mode === mode);
        return client.openid && !provider.openid ? "–" : verdict(outcome);
      };
      lines.push([versioned(provider), mode.name, ...clients.map(cell)]);
    }
  }
  return [...lines.map((cells) => `| ${cells.join(" | ")} |`), "", ...refusals].join("\n");
}

function verdict(outcome) {
  if (!outcome) return "failed";
  return { direct: "fails", authorization: "refuses, 1", response: "refuses, 2", token: "refuses, 3" }[outcome.refusal] ?? "yes";
}
