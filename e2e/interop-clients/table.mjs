// The README's table of strict clients, from what happened.

import { modes } from "./modes.mjs";

const refusals = [
  "1. without `passthrough` the `authorization_endpoint` stays at the provider's own origin",
  "2. `iss` in the authorization response names the provider's own issuer",
  "3. the ID token names the provider's own issuer",
];

// table returns markdown: a row for each provider and issuer mode, a column
// for each client. An outcome is there where everything was as it is to be.
export function table(providers, clients, outcomes) {
  const versioned = ({ name, version }) => (version ? `${name} ${version()}` : name);
  const lines = [
    ["provider", "issuer", ...clients.map(versioned)],
    ["---", "---", ...clients.map(() => "---")],
  ];
  for (const provider of providers) {
    for (const mode of modes(provider)) {
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
  return { authorization: "refuses, 1", response: "refuses, 2", token: "refuses, 3" }[outcome.refusal] ?? "yes";
}
