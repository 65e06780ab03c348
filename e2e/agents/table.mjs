// The tables of agents in docs/compatibility.md, from the results.
import { direct } from "./providers.mjs";

// table returns Markdown with a row for each provider and mode and a column for each agent. Only
// successful tests have an outcome.
export function table(providers, agents, outcomes) {
  const verdict = (provider, mode, agent) => {
    const outcome = outcomes.find((o) => o.provider === provider && o.mode === mode && o.agent === agent);
    return { true: "yes", false: "fails" }[outcome?.works] ?? "failed";
  };
  const rows = providers.flatMap((provider) => [direct, ...provider.modes].map((mode) => [
    versioned(provider),
    mode.name,
    ...agents.map((agent) => verdict(provider, mode, agent)),
  ]));
  const head = ["provider", "gateway", ...agents.map(versioned)];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

// Names with the main version get the whole one.
const versioned = ({ name, version, note = "" }) => `${name.replace(/ \d+$/, "")} ${version()}${note}`;
