/**
 * A hundred thousand policy lines: compiled within a second, answered within 20 µs. The bounds here are wide, for busy
 * machines; run the file alone to see the figures.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { domain } from "../../src/mail/domain.ts";
import type { OutboundQuestion } from "../../src/policy/rules.ts";
import { compile, question } from "./postfix/world.ts";

const count = 100_000;
const values = ["verify", "encrypt", "secure match=.partner%.example:hostname", "may protocols=TLSv1.2:TLSv1.3"];

const policy = Array.from({ length: count }, (_, index) => {
  const value = (values[index % values.length] ?? "").replace("%", String(index));
  return `${index % 5 === 0 ? "." : ""}partner${index}.example ${value}\n`;
}).join("");

/** Processor time: what else the machine does does not count. */
function timed<T>(work: () => T): Readonly<{ ms: number; result: T }> {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, result };
}

const compiled = timed(() => compile({ policy }));

test(`postfix scale: ${count} policy lines compile`, (t) => {
  t.diagnostic(`${compiled.ms.toFixed(0)} ms`);
  assert.ok(compiled.ms < 5000, `${compiled.ms} ms`);
});

function ask(index: number): OutboundQuestion {
  const name = `${index % 3 === 0 ? "mail." : ""}partner${index}.example`;
  return question({ kind: "mx", domain: domain(name), port: 25 }, `u@${name}`);
}

test("postfix scale: an answer among them", (t) => {
  const questions = Array.from({ length: 50_000 }, (_, index) => ask((index * 7919) % count));
  const { source } = compiled.result;
  for (const title of ["first", "again"]) {
    const { ms } = timed(() => questions.forEach((one) => void source.outbound(one)));
    const each = (ms * 1000) / questions.length;
    t.diagnostic(`${title}: ${each.toFixed(2)} µs`);
    assert.ok(each < 100, `${each} µs`);
  }
  assert.equal(source.outbound(ask(1)), source.outbound(ask(1)), "the same entry gives the same rule");
});

test("postfix scale: names and our own terms of all of them", (t) => {
  const { ms, result } = timed(() => [
    compiled.result.named.domains.length,
    compiled.result.export().filter(({ kind }) => kind === "rule").length,
  ]);
  t.diagnostic(`${ms.toFixed(0)} ms`);
  assert.ok((result[0] ?? 0) >= count && result[1] === count + 1);
});

test("postfix scale: a hundred thousand transports as well", (t) => {
  const transport = Array.from(
    { length: count },
    (_, index) => `partner${index}.example smtp:[mx${index}.example]:26\n`,
  );
  const { ms } = timed(() => compile({ policy, transport: transport.join("") }));
  t.diagnostic(`${ms.toFixed(0)} ms`);
  assert.ok(ms < 10_000, `${ms} ms`);
});
