// Checks of two replicas, with and without a Redis that works.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export const both = (replicas, request) => Promise.all(replicas.map((replica) => replica.send(request)));
export const statuses = (responses) => responses.map(({ status }) => status);

// checkShared checks that the replicas agree.
export async function checkShared(deployment) {
  const { replicas: [first, second], own } = deployment;
  const request = await own();
  assert.equal((await first.send(request)).status, 200);
  checkReplay(await second.send(request));
  await checkSharedLimit(deployment);
}

// checkSharedLimit checks that failures at the first replica count at the second. On a busy machine
// a failure may not reach Redis in time, and then counts at the first only: another client is tried.
export async function checkSharedLimit({ replicas: [first, second], provider, wrong }) {
  const lost = () => Promise.all([first, second].map(({ sample }) => sample('oauthgw_state_errors_total{operation="failures"}')));
  for (let attempt = 0; ; attempt++) {
    const before = provider.requests.length;
    const errors = await lost();
    for (let i = 0; i < 11; i++) assert.equal((await first.send(wrong(`guessed-${attempt}`))).status, i < 10 ? 401 : 429);
    const limited = await second.send(wrong(`guessed-${attempt}`));
    if (attempt < 5 && String(await lost()) !== String(errors)) {
      await sleep(1000); // in which the replica does not ask Redis
      continue;
    }
    assert.equal(limited.status, 429);
    assert.match(limited.retryAfter, /^\d+$/);
    assert.equal(provider.requests.length, before + 10);
    return;
  }
}

export function checkReplay({ status, error, description }) {
  assert.deepEqual([status, error], [400, "invalid_client"]);
  assert.match(description, /create a new one for each request/);
}

// checkWithout checks what works while Redis does not.
export async function checkWithout({ replicas, own, workload, basic, provider }) {
  const before = provider.requests.length;
  for (const response of await both(replicas, await own())) checkUnavailable(response);
  assert.equal(provider.requests.length, before);
  assert.deepEqual(statuses(await both(replicas, workload)), [200, 200]);
  assert.deepEqual(statuses(await both(replicas, basic)), [200, 200]);
}

export function checkUnavailable({ status, error, retryAfter }) {
  assert.deepEqual([status, error], [503, "temporarily_unavailable"]);
  assert.match(retryAfter, /^\d+$/);
}

// recovers resolves as soon as every replica accepts new assertions and says that Redis is up.
export async function recovers({ replicas, own }) {
  for (const replica of replicas) {
    await until(async () => (await replica.send(await own())).status === 200);
    await until(async () => (await replica.sample("oauthgw_state_up")) === 1);
  }
}

export async function until(condition) {
  for (const end = Date.now() + 30_000; !(await condition()); await sleep(50)) assert.ok(Date.now() < end, `never: ${condition}`);
}
