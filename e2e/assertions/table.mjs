// The table of clients with keys in docs/compatibility.md, from the results.

// table returns Markdown with a row for each client. Only successful rows have sent something.
export function table(clients, rows) {
  const head = ["client", "`client_id`", "`typ`", "`kid`", "lifetime", "times", "keys", "notes"];
  const lines = clients.map((client) => {
    const mine = rows.filter((row) => row.client === client && row.sent);
    const { client_id, typ, lifetime, fractions } = mine[0]?.sent ?? {};
    const [library, ...way] = client.name.split(", ");
    return [
      [`${library.replace(/ \d+$/, "")} ${client.version()}`, ...way].join(", "),
      client_id,
      typ,
      client.kid ? "if given" : "never",
      `${lifetime} s`,
      fractions ? "fractional" : "whole seconds",
      span([...new Set(mine.map(({ sent }) => sent.alg))]),
      client.notes ?? "",
    ];
  });
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

// span writes the three algorithms of a family as one.
function span(algorithms) {
  const whole = ["RS", "PS", "ES"].filter((family) => [256, 384, 512].every((size) => algorithms.includes(`${family}${size}`)));
  const rest = algorithms.filter((alg) => !whole.some((family) => alg.startsWith(family)));
  return [...whole.map((family) => `${family}256–512`), ...rest].join(", ");
}
