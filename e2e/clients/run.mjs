// Running the client programs.
import { Process } from "../processes.mjs";

// They reach nothing but the servers here, and leave nothing in the tree.
const environment = { PATH: process.env.PATH, HOME: "/nonexistent", LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };

// run gives a client its jobs and resolves to the outcome of each, by id.
export async function run(t, client, jobs) {
  const [command, ...args] = client.program;
  const child = new Process(client.name, command, args, { input: "pipe", env: environment });
  t.after(() => child.stop());
  child.child.stdin.on("error", () => {}); // it ended; the exit code tells
  child.child.stdin.end(JSON.stringify(jobs));
  const code = await child.exit(120);
  if (code !== 0) throw new Error(`${client.name} ended with ${code}:\n${child.stderr}`);
  const outcomes = child.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return new Map(outcomes.map(({ id, grants }) => [id, grants]));
}

// inTurns does the work for every item, a few at a time.
export async function inTurns(items, abreast, work) {
  const waiting = [...items];
  const worker = async () => {
    while (waiting.length > 0) await work(waiting.shift());
  };
  await Promise.all(Array.from({ length: abreast }, worker));
}
