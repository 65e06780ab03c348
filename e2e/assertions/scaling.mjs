// Prints the tables of docs/scaling.md: what the failure limit and the protection against replays are
// worth with one, two and four replicas, with and without Redis, and how long Redis takes.
//
//   node e2e/assertions/scaling.mjs   after bash e2e/run, which builds and installs what it needs
import { performance } from "node:perf_hooks";
import { Redis, version } from "./redis.mjs";
import { startReplicas } from "./replicas.mjs";

const attempts = 200;
const atOnce = 20;
const exchanges = 2000;

// using does some work with servers, and ends these.
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
// many at once, and the equal assertions that pass.
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

// latencies resolves to the times of exchanges of a kind, in milliseconds. Exchanges with both
// deployments alternate, so that they have the same machine.
async function latencies(deployments, make) {
  const times = deployments.map(() => []);
  for (let i = 0; i < exchanges; i++) {
    for (const [at, { replicas, ...deployment }] of deployments.entries()) {
      const request = await make(deployment);
      const begin = performance.now();
      const { status } = await replicas[0].send(request);
      if (status !== 200) throw new Error(`an exchange ended with ${status}`);
      if (i >= exchanges / 10) times[at].push(performance.now() - begin);
    }
  }
  return times.map((list) => list.sort((a, b) => a - b));
}

const quantile = (sorted, q) => sorted[Math.floor(q * (sorted.length - 1))];

async function delays(t) {
  const deployments = [await startReplicas(t, 1), await startReplicas(t, 1, await stateOf(t, true))];
  const kinds = { Basic: ({ basic }) => basic, "own key": ({ own }) => own(), workload: ({ workload }) => workload };
  const rows = [];
  for (const [kind, make] of Object.entries(kinds)) {
    const [memory, redis] = await latencies(deployments, make);
    const cell = (q) => `${quantile(memory, q).toFixed(2)} ms → ${quantile(redis, q).toFixed(2)} ms`;
    rows.push([kind, cell(0.5), cell(0.99)]);
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
console.log(`One client, ${exchanges} exchanges of each kind, memory → Redis on the same host.\n`);
print(["exchange", "median", "99th percentile"], await using(delays));
