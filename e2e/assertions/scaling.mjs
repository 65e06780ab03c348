// Prints the tables of docs/scaling.md: what the failure limit and the protection against replays are
// worth with one, two and four replicas, with and without Redis, how long Redis takes, and what
// clients receive without it.
//
//   node e2e/assertions/scaling.mjs   after bash e2e/run, which builds and installs what it needs
import { performance } from "node:perf_hooks";
import { Redis, version } from "./redis.mjs";
import { startReplicas } from "./replicas.mjs";

const attempts = 200;
const atOnce = 20;
const exchanges = 2000;

// using does some work with servers, and ends them afterwards.
async function using(work) {
  const ends = [];
  try {
    return await work({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const stateOf = async (t, shared) => shared && { redis: (await Redis.start(t)).url };

// protection resolves to a row: the wrong secrets that reach the provider, one after another and
// many at once, and the copies of one assertion that pass.
async function protection(t, count, shared) {
  const { replicas, provider, own, wrong } = await startReplicas(t, count, await stateOf(t, shared));
  const send = (i, request) => replicas[i % count].send(request);
  const guess = async (id, parallel) => {
    const before = provider.requests.length;
    for (let i = 0; i < attempts; i += parallel) {
      await Promise.all(Array.from({ length: parallel }, (_, j) => send(i + j, wrong(id))));
    }
    return provider.requests.length - before;
  };
  const request = await own();
  const replays = await Promise.all(Array.from({ length: atOnce }, (_, i) => send(i, request)));
  return [
    count,
    shared ? "Redis" : "memory",
    await guess("one-by-one", 1),
    await guess("parallel", atOnce),
    replays.filter(({ status }) => status === 200).length,
  ];
}

// medians resolves to the status of exchanges of a kind, and how long most take, in milliseconds.
// Deployments take turns, so that they have the same machine.
async function medians(deployments, kind, count) {
  const times = deployments.map(() => []);
  const statuses = deployments.map(() => new Set());
  for (let i = 0; i < count; i++) {
    for (const [at, { replicas, [kind]: made }] of deployments.entries()) {
      const request = typeof made === "function" ? await made() : made;
      const begin = performance.now();
      const { status } = await replicas[0].send(request);
      times[at].push(performance.now() - begin);
      statuses[at].add(status);
    }
  }
  return times.map((list, at) => ({ status: [...statuses[at]].join(), ms: list.sort((a, b) => a - b)[Math.floor(count / 2)] }));
}

const kinds = { Basic: "basic", "own key": "own", "token of a workload": "workload" };

// delays resolves to rows: how much longer an exchange takes with Redis.
async function delays(t) {
  const deployments = [await startReplicas(t, 1), await startReplicas(t, 1, await stateOf(t, true))];
  const rows = [];
  for (const [name, kind] of Object.entries(kinds)) {
    await medians(deployments, kind, exchanges / 10); // opens the connections
    const [memory, redis] = await medians(deployments, kind, exchanges);
    rows.push([name, `${memory.ms.toFixed(2)} ms`, `${redis.ms.toFixed(2)} ms`, `${(redis.ms - memory.ms).toFixed(2)} ms`]);
  }
  return rows;
}

// outages resolves to rows: what clients receive while Redis does not work.
async function outages(t) {
  const redis = await Redis.start(t);
  const deployment = await startReplicas(t, 1, { redis: redis.url });
  const rows = [];
  for (const kind of Object.values(kinds)) await medians([deployment], kind, 100); // opens the connections
  for (const [state, begin] of [["works", () => {}], ["is silent", () => redis.silence()], ["has ended", () => redis.end()]]) {
    await begin();
    const cells = [];
    for (const kind of Object.values(kinds)) {
      const [{ status, ms }] = await medians([deployment], kind, 10);
      cells.push(`${status} after ${ms.toFixed(0)} ms`);
    }
    rows.push([state, ...cells]);
  }
  return rows;
}

function print(head, rows) {
  for (const cells of [head, head.map(() => "---"), ...rows]) console.log(`| ${cells.join(" | ")} |`);
  console.log();
}

const rows = [];
for (const count of [1, 2, 4]) {
  for (const shared of [false, true]) rows.push(await using((t) => protection(t, count, shared)));
}
console.log(`Redis ${version()}. ${attempts} wrong secrets of one client from one address, spread over the replicas.\n`);
const reach = (way) => `wrong secrets that reach the provider, ${way}`;
print(["replicas", "state", reach("one after another"), reach(`${atOnce} at once`), `equal assertions that pass, of ${atOnce} at once`], rows);
console.log(`Medians of ${exchanges} exchanges, one at a time, with Redis on the same host.\n`);
print(["exchange", "memory", "Redis", "difference"], await using(delays));
print(["Redis", ...Object.keys(kinds)], await using(outages));
