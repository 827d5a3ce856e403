/**
 * What the queue's tests share: a folder of its own, a clock moved by hand, mail and settlements with one difference.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { Mailbox } from "../../src/mail/address.ts";
import type { AttemptRecord } from "../../src/mail/attempt.ts";
import { sampleAttempt, sampleOrigin, sampleUnreachable } from "../../src/mail/attempt-sample.ts";
import type { Body } from "../../src/mail/body.ts";
import type { Clock, Timer } from "../../src/mail/clock.ts";
import { domain } from "../../src/mail/domain.ts";
import type { NewMail, Settlement } from "../../src/queue/queue.ts";
import { shardPaths } from "../../src/queue/sqlite/adopt-shards.ts";
import type { SqliteQueueOptions } from "../../src/queue/sqlite/sqlite-queue.ts";

export const start = Date.UTC(2026, 0, 1);
export const minute = 60_000;

/** Stands still until `advance`, which runs what has come due. */
export class HandClock implements Clock {
  #now = start;
  readonly #timers = new Set<Readonly<{ at: number; run: () => void }>>();

  now = (): number => this.#now;

  after = (ms: number, run: () => void): Timer => {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  };

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.run();
    }
  }
}

/** A data folder that goes with the test. */
export function dataFolder(t: TestContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), "letterlock-queue-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function shardOptions(directory: string, change: Partial<SqliteQueueOptions> = {}): SqliteQueueOptions {
  return { ...shardPaths(directory, 0), clock: new HandClock(), historyMs: 60 * minute, reserveBytes: 0, ...change };
}

export function mailbox(text: string): Mailbox {
  const at = text.lastIndexOf("@");
  return { text, localPart: text.slice(0, at), host: { kind: "domain", domain: domain(text.slice(at + 1)) } };
}

export function memoryBody(...texts: string[]): Body {
  const chunks = texts.map((text) => new Uint8Array(Buffer.from(text, "latin1")));
  return { kind: "memory", sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0), chunks };
}

/** A body as the receiver leaves it in the spool folder. */
export function spoolBody(directory: string, name: string, text: string, shard = 0): Body {
  const { spoolDirectory } = shardPaths(directory, shard);
  mkdirSync(spoolDirectory, { recursive: true });
  writeFileSync(path.join(spoolDirectory, name), text);
  return { kind: "file", sizeBytes: text.length, path: path.join(spoolDirectory, name) };
}

export function mail(id: string, to: readonly string[] = ["user@example.com"], change: Partial<NewMail> = {}): NewMail {
  return {
    id,
    sender: { mailbox: mailbox("sender@example.org"), body: "8bitmime", smtputf8: false, ret: "hdrs", envid: "QQ314" },
    recipients: to.map((text) => ({ mailbox: mailbox(text), notify: ["failure"], orcpt: `rfc822;${text}` })),
    body: memoryBody("Subject: hello\r\n", "\r\nbody of ", `${id}\r\n`),
    facts: { has8bit: false, hasUtf8Header: false, receivedCount: 1, endsWithCrlf: true },
    binding: "default",
    arrival: {
      at: start,
      origin: sampleOrigin,
    },
    expiresAt: start + 7200 * minute,
    ...change,
  };
}

/** One attempt that reached no host. */
export function record(messageId: string, number: number, change: Partial<AttemptRecord> = {}): AttemptRecord {
  const attempt = change.attempt ?? 1;
  return {
    ...sampleAttempt,
    id: `${messageId}.${number}.${attempt}`,
    time: new Date(start).toISOString(),
    event: "deferred",
    messageId,
    from: "sender@example.org",
    to: "user@example.com",
    attempt,
    firstTriedAt: new Date(start).toISOString(),
    nexthop: "example.com",
    mx: null,
    address: null,
    port: null,
    connection: null,
    earlier: [],
    tls: null,
    rule: null,
    reasons: [],
    reply: null,
    error: "connection refused",
    failure: sampleUnreachable,
    status: "4.4.1",
    ...change,
  };
}

export function done(messageId: string, number = 0, attempt = 1): Settlement {
  const outcome = { event: "delivered", status: "2.0.0", error: null, failure: null, attempt } as const;
  return { messageId, number, record: record(messageId, number, outcome), next: { kind: "done" } };
}

export function again(messageId: string, number: number, nextTryAt: number, attempt = 1): Settlement {
  const next = { kind: "again", nextTryAt, delayNotified: false } as const;
  return { messageId, number, record: record(messageId, number, { attempt }), next };
}
