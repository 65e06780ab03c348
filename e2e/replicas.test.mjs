// Two replicas that share a real Redis, which is killed, silent and full.
import assert from "node:assert/strict";
import test from "node:test";
import { both, checkReplay, checkSharedLimit, checkUnavailable, checkWithout, recovers, statuses, until } from "./assertions/outage.mjs";
import { Redis } from "./assertions/redis.mjs";
import { startReplicas } from "./assertions/replicas.mjs";

const limit = { timeout: 120_000 };

test("replicas with Redis", limit, async (t) => {
  const redis = await Redis.start(t);
  const { replicas, provider, own, workload, basic, wrong, holds } = await startReplicas(t, 2, { redis: redis.url });
  const [first, second] = replicas;

  await t.test("an assertion that the first accepted is a replay at the second", async () => {
    const request = await own();
    assert.equal((await first.send(request)).status, 200);
    for (const replica of replicas) checkReplay(await replica.send(request));
  });
  await t.test("of 20 equal assertions at once exactly one passes", async () => {
    const before = provider.requests.length;
    const request = await own();
    const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => replicas[i % 2].send(request)));
    const refused = responses.filter(({ status }) => status !== 200);
    assert.equal(refused.length, 19);
    refused.forEach(checkReplay);
    assert.equal(provider.requests.length, before + 1);
  });
  await t.test("a workload's token is used again", async () => {
    for (let i = 0; i < 3; i++) assert.deepEqual(statuses(await both(replicas, workload)), [200, 200]);
  });
  await t.test("11 wrong secrets at the first limit the client at the second", async () => {
    await checkSharedLimit({ replicas, provider, wrong });
    assert.equal((await second.send(basic)).status, 200, "another client of that address");
  });
  await t.test("Redis names clients and ids only by hashes", async () => {
    const keys = (await redis.command("KEYS", "*")).split("\n");
    assert.ok(keys.length >= 3);
    for (const key of keys) assert.match(key, /^oauthgw:(check|(jti|failures):[0-9a-f]{64})$/);
  });
  await t.test("no secret in the logs and the metrics", async () => {
    for (const replica of replicas) assert.ok(!holds(replica.process.output + (await replica.metrics())));
  });
});

test("Redis killed and restarted under load", limit, async (t) => {
  const redis = await Redis.start(t);
  const deployment = await startReplicas(t, 2, { redis: redis.url });
  const { replicas, own, wrong } = deployment;
  const used = await own();
  assert.equal((await replicas[0].send(used)).status, 200);
  const load = startLoad(deployment);
  await load.reached("own", 200);
  await redis.end();
  await load.reached("own", 503);
  // Not as a new one, and not as a wrong one.
  for (const response of await both(replicas, used)) checkUnavailable(response);
  for (const replica of replicas) await until(async () => (await replica.sample("oauthgw_state_up")) === 0);
  await t.test("each replica limits failures on its own", async () => {
    for (const replica of replicas) {
      for (let i = 0; i < 11; i++) assert.equal((await replica.send(wrong("alone"))).status, i < 10 ? 401 : 429);
    }
  });
  await redis.start();
  await recovers(deployment);
  await load.reached("own", 200);
  await load.stop();
  await t.test("only own keys were refused, for the right reason", () => {
    load.responses.own.filter(({ status }) => status !== 200).forEach(checkUnavailable);
    for (const kind of ["workload", "basic"]) assert.deepEqual([...new Set(statuses(load.responses[kind]))], [200], kind);
  });
  await t.test("Redis still knows what was used before", async () => {
    for (const response of await both(replicas, used)) checkReplay(response);
  });
  await t.test("the log says so once each", () => {
    for (const { process } of replicas) {
      for (const message of ["state unavailable", "state available again"]) assert.equal(process.output.split(`"msg":"${message}"`).length, 2, message);
    }
  });
});

// startLoad sends requests of every kind to the replicas in turn, until it is stopped or has sent
// 5000 of a kind.
function startLoad({ replicas, own, workload, basic }) {
  const responses = { own: [], workload: [], basic: [] };
  const makers = { own, workload: () => workload, basic: () => basic };
  let stopped = false;
  const workers = Object.entries(makers).map(async ([kind, make]) => {
    for (let i = 0; i < 5000 && !stopped; i++) responses[kind].push(await replicas[i % replicas.length].send(await make()));
  });
  return {
    responses,
    // reached resolves as soon as 20 further responses have a status.
    reached: async (kind, status) => {
      const enough = statuses(responses[kind]).filter((s) => s === status).length + 20;
      await until(() => statuses(responses[kind]).filter((s) => s === status).length >= enough);
    },
    stop: () => {
      stopped = true;
      return Promise.all(workers);
    },
  };
}

test("a Redis that is silent", limit, async (t) => {
  const redis = await Redis.start(t);
  const deployment = await startReplicas(t, 2, { redis: redis.url });
  await recovers(deployment);
  redis.silence();
  await checkWithout(deployment);
  redis.resume();
  await recovers(deployment);
});

test("a Redis that is full", limit, async (t) => {
  const redis = await Redis.start(t, "maxmemory-policy noeviction");
  const deployment = await startReplicas(t, 2, { redis: redis.url });
  await recovers(deployment);
  await redis.command("CONFIG", "SET", "maxmemory", "1");
  await checkWithout(deployment);
  await redis.command("CONFIG", "SET", "maxmemory", "0");
  await recovers(deployment);
});

test("a gateway that starts without Redis", limit, async (t) => {
  const redis = await Redis.start(t);
  await redis.end();
  const deployment = await startReplicas(t, 2, { redis: redis.url });
  await checkWithout(deployment);
  for (const { process } of deployment.replicas) assert.match(process.output, /"msg":"state unavailable"/);
  await redis.start();
  await recovers(deployment);
});
