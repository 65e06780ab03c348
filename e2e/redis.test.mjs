// The ways to connect to a real Redis: passwords, users, TLS and a socket.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { checkShared, checkWithout, recovers } from "./assertions/outage.mjs";
import { Redis } from "./assertions/redis.mjs";
import { startReplicas } from "./assertions/replicas.mjs";
import { write } from "./deployment.mjs";

const limit = { timeout: 120_000 };

// The passwords that Redis knows, and what the gateway is told.
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
