// The table of malformed responses in docs/compatibility.md, from the results.
import { clients } from "./clients.mjs";

const kinds = { T: "Token response", R: "Registration response", M: "Metadata", D: "Response to an expired refresh token" };

// ways are the ways to the provider, in the order of a result's outcomes.
export const ways = ["directly", "through the gateway", "through the gateway with repairs"];

// worse returns the results in which a way is worse than the one before. A result holds the
// case, the client, and the outcome of each way.
export function worse(results) {
  return results.filter(({ client, outcomes }) => {
    const ranks = outcomes.map((outcome) => ["no", ...client.refresh, "yes"].indexOf(outcome));
    return ranks.some((rank, i) => rank < ranks[i - 1]);
  });
}

// table returns Markdown with a row for each case and a column for each client.
export function table(cases, results) {
  return Object.entries(kinds).map(([kind, title]) => {
    const columns = clients.filter((client) => client.kinds.includes(kind));
    const cell = (client, { id }) => change(results.find((result) => result.client === client && result.id === id));
    const lines = [
      ["case", title.toLowerCase(), ...columns.map(({ name, version }) => `${name} ${version()}`)],
      ["---", "---", ...columns.map(() => "---")],
      ...cases
        .filter((one) => one.kind === kind)
        .map((one) => [one.id, one.reply, ...columns.map((client) => cell(client, one))]),
    ];
    return [`### ${title}`, "", ...lines.map((cells) => `| ${cells.join(" | ")} |`)].join("\n");
  }).join("\n\n");
}

// change returns a cell: the outcome of the first way, and those of the next ways that differ.
// 1 marks an outcome that needs repairs.
function change(result) {
  if (!result) return "–";
  const [directly, through, repaired] = result.outcomes;
  const steps = [directly, through, repaired].filter((outcome, i, all) => outcome !== all[i - 1]).join(" → ");
  return repaired === through ? steps : `${steps}, 1`;
}
