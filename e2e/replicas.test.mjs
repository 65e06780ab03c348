// Two replicas that share a real Redis, which is killed, silent and full, and the ways to connect to
// it: passwords, users, TLS and a socket.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { Redis } from "./assertions/redis.mjs";
import {
  both, checkReplay, checkShared, checkSharedLimit, checkUnavailable, checkWithout, recovers, startReplicas, statuses, until,
} from "./assertions/replicas.mjs";
import { write } from "./deployment.mjs";

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
  // The used assertion is neither accepted again nor rejected as invalid.
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

// The passwords that Redis accepts, and the one that the gateway sends.
const password = "correct horse battery staple";
const locks = [
  { name: "a password", settings: [`requirepass "${password}"`], given: password, works: true },
  { name: "a wrong password", settings: [`requirepass "${password}"`], given: "wrong horse" },
  { name: "a password that the gateway lacks", settings: [`requirepass "${password}"`] },
  { name: "a user with what the gateway needs", settings: [user("~oauthgw:* resetchannels -@all +set +pttl +eval")], user: "gateway", given: password, works: true },
  { name: "a user who may read only", settings: [user("~* +@read +ping +hello")], user: "gateway", given: password },
];

function user(rights) {
  return `user gateway on ">${password}" ${rights}`;
}

for (const { name, settings, given, works, ...lock } of locks) {
  test(`Redis with ${name}`, limit, async (t) => {
    const redis = await Redis.start(t, ...settings);
    const password_file = given && (await write(t, "password", `${given}\n`));
    const url = lock.user ? redis.url.replace("//", `//${lock.user}@`) : redis.url;
    const deployment = await startReplicas(t, 2, { redis: url, ...(given && { password_file }) });
    if (works) await checkShared(deployment);
    else await checkWithout(deployment);
    await checkNoPassword(deployment, [password, given]);
  });
}

async function checkNoPassword({ replicas }, passwords) {
  for (const { process, metrics } of replicas) {
    const text = process.output + (await metrics());
    for (const password of passwords.filter(Boolean)) assert.ok(!text.includes(password), "a password");
  }
}

test("Redis whose password changes", limit, async (t) => {
  const redis = await Redis.start(t, `requirepass "${password}"`);
  const password_file = await write(t, "password", password);
  const deployment = await startReplicas(t, 2, { redis: redis.url, password_file });
  await recovers(deployment);
  const next = `another ${password}`;
  await redis.end();
  redis.settings.push(`requirepass "${next}"`);
  await redis.start();
  await checkWithout(deployment);
  await fs.writeFile(password_file, next);
  await recovers(deployment);
  await checkNoPassword(deployment, [password]);
});

test("Redis at a socket", limit, async (t) => {
  const redis = await Redis.start(t, "unixsocket redis.sock");
  await checkShared(await startReplicas(t, 2, { redis: `unix://${redis.directory}/redis.sock` }));
});

test("Redis with TLS", limit, async (t) => {
  const directory = path.dirname(await write(t, "none", ""));
  const [certificate, key] = ["certificate.pem", "key.pem"].map((file) => path.join(directory, file));
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
    "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key], { stdio: "pipe" });
  const redis = await Redis.start(t, `tls-cert-file ${certificate}`, `tls-key-file ${key}`, "tls-auth-clients no");
  const url = redis.url.replace("redis:", "rediss:");
  await checkShared(await startReplicas(t, 2, { redis: url, ca_file: certificate }));
  await t.test("a certificate of an unknown CA is not accepted", async (t) => checkWithout(await startReplicas(t, 2, { redis: url })));
});
