import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock, Timer } from "../mail/clock.ts";
import type { SmtpConnection } from "../smtp/client/sender.ts";
import { ConnectionPool } from "./connection-pool.ts";

class FakeConnection {
  reusable = true;
  quits = 0;
  #listeners: (() => void)[] = [];

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  quit(): void {
    this.quits += 1;
    this.close();
  }

  close(): void {
    this.reusable = false;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  get asConnection(): SmtpConnection {
    return this as unknown as SmtpConnection;
  }
}

function world(idleMs = 5000) {
  let now = 0;
  const timers = new Set<Readonly<{ at: number; run: () => void }>>();
  const clock: Clock = {
    now: () => now,
    after(ms, run): Timer {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
  };
  const advance = (ms: number): void => {
    now += ms;
    for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.run();
  };
  const pool = new ConnectionPool(clock, () => idleMs);
  const give = (key: string): FakeConnection => {
    const connection = new FakeConnection();
    pool.give(key, connection.asConnection);
    return connection;
  };
  return { pool, give, advance, timers };
}

test("ConnectionPool: found under its key alone, the one used last first", () => {
  const { pool, give } = world();
  const [first, second] = [give("a"), give("a")];
  assert.equal(pool.take("b"), undefined);
  assert.deepEqual([pool.take("a"), pool.take("a"), pool.take("a"), pool.idleCount], [second, first, undefined, 0]);
});

test("ConnectionPool: what its peer closed, or what says that it is of no more use, is never handed out", () => {
  const { pool, give } = world();
  give("a").close();
  const spent = give("a");
  spent.reusable = false;
  assert.deepEqual([pool.take("a"), pool.idleCount, spent.quits], [undefined, 0, 1]);
});

test("ConnectionPool: nothing stays idle longer than allowed, and no timer is left", () => {
  const { pool, give, advance, timers } = world();
  const early = give("a");
  advance(2500);
  const late = give("b");
  advance(2500);
  assert.deepEqual([early.quits, late.quits, pool.idleCount], [1, 0, 1]);
  advance(2500);
  assert.deepEqual([late.quits, pool.idleCount, timers.size], [1, 0, 0]);
});

test("ConnectionPool: room is made by the one that waited longest", () => {
  const { pool, give, advance } = world();
  const old = give("a");
  advance(10);
  const fresh = give("b");
  assert.deepEqual([pool.evictOne(), old.quits, fresh.quits], [true, 1, 0]);
  assert.deepEqual([pool.evictOne(), pool.evictOne()], [true, false]);
});

test("ConnectionPool: idle-connection 0 keeps nothing", () => {
  const { pool, give } = world(0);
  assert.deepEqual([give("a").quits, pool.idleCount], [1, 0]);
});

test("ConnectionPool: says when one goes idle, and closes all", () => {
  const { pool, give, timers } = world();
  let idle = 0;
  pool.onIdle(() => {
    idle += 1;
  });
  const connections = [give("a"), give("b")];
  pool.closeAll();
  assert.deepEqual([idle, connections.map(({ quits }) => quits), pool.idleCount, timers.size], [2, [1, 1], 0, 0]);
});
