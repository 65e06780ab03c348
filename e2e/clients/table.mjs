// The table of clients in docs/compatibility.md, from the results.
import { shapes } from "./matrix.mjs";

// table returns Markdown. seen holds the encoding that each client used.
export function table(clients, rows, seen) {
  const lines = [
    ["client", "Basic encoding seen on the wire", "client_secret_basic", "client_secret_post", "notes"],
    ["---", "---", "---", "---", "---"],
  ];
  const footnotes = new Map();
  for (const client of clients) {
    const mine = rows.filter((row) => row.client === client);
    const cell = (method) => verdict(mine.filter((row) => row.method === method), footnotes);
    const [library, ...way] = client.name.split(", ");
    lines.push([
      [`${library.replace(/ \d+$/, "")} ${client.version()}`, ...way].join(", "),
      seen.get(client),
      cell("client_secret_basic"),
      cell("client_secret_post"),
      client.notes,
    ]);
  }
  return [
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    ...[...footnotes].map(([text, number]) => `${number}. ${text}`),
  ].join("\n");
}

// verdict returns a cell: yes if every client logged in everywhere, otherwise with the
// numbers of the footnotes that list the exceptions.
function verdict(rows, footnotes) {
  const due = rows.filter(({ expected }) => expected !== "wrong");
  if (due.length === 0) return "–";
  const those = (condition) => shapes.filter((shape) => due.some((row) => row.shape === shape && condition(row)));
  const unsent = those((row) => row.expected === "unable");
  const failed = those((row) => !row.pinned && !loggedIn(row)).filter((shape) => !unsent.includes(shape));
  const cured = those((row) => row.pinned && loggedIn(row));
  const numbers = [
    ["needs `basic_decoding: raw`", failed.filter((shape) => cured.includes(shape))],
    ["cannot work", failed.filter((shape) => !cured.includes(shape))],
    ["the library refuses it", unsent],
  ]
    .filter(([, shapes]) => shapes.length > 0)
    .map(([what, shapes]) => `${what}: ${shapes.map(({ name }) => name).join("; ")}`)
    .map((text) => footnotes.get(text) ?? footnotes.set(text, footnotes.size + 1).get(text));
  return numbers.length === 0 ? "yes" : `yes, but ${numbers.join(", ")}`;
}

export function loggedIn({ job, outcomes }) {
  return job.grants.every((grant) => outcomes[grant] === "ok");
}
