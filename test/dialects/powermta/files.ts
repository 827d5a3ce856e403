/**
 * PowerMTA configurations in memory, compiled, and the questions that its tests ask. Names end in `.test`.
 */
import assert from "node:assert/strict";
import path from "node:path";
import type { IpAddress, Mailbox } from "../../../src/mail/address.ts";
import { domain } from "../../../src/mail/domain.ts";
import type { Compiled, Note, SourceFiles } from "../../../src/policy/dialects/dialect.ts";
import { compilePowerMta } from "../../../src/policy/dialects/powermta/compile.ts";
import type { InboundQuestion, OutboundQuestion, TlsRule } from "../../../src/policy/rules.ts";
import { parseMailbox } from "../../../src/smtp/path.ts";

/** Where the configuration stands in all tests. */
export const main = "/etc/pmta/config";

export function filesOf(texts: Readonly<Record<string, string>>): SourceFiles {
  const names = Object.keys(texts);
  return {
    read(name) {
      const text = texts[name];
      return text === undefined ? { kind: "failed", reason: "no such file" } : { kind: "found", text };
    },
    list(folder) {
      const inside = names.filter((name) => name.startsWith(folder.endsWith("/") ? folder : `${folder}/`));
      if (inside.length === 0) return undefined;
      const first = inside.map((name) => path.relative(folder, name).split("/")[0] ?? "");
      return [...new Set(first)].sort();
    },
    modifiedAt: (name) => (texts[name] === undefined ? undefined : 0),
  };
}

/** Whatever it says: errors are the test's business. */
export function compiledWith(text: string, others: Readonly<Record<string, string>> = {}): Compiled {
  return compilePowerMta({ file: main }, filesOf({ ...others, [main]: text }));
}

/** A configuration without errors. */
export function compiled(text: string, others: Readonly<Record<string, string>> = {}): Compiled {
  const made = compiledWith(text, others);
  assert.deepEqual(textsOf(made, "error"), []);
  return made;
}

export function textsOf({ notes }: Compiled, ...kinds: readonly Note["kind"][]): string[] {
  return notes.filter(({ kind }) => kinds.includes(kind)).map(({ line, text }) => `${line}: ${text}`);
}

/** `;` stands for a new line, as in the reference's cases. */
export function lines(text: string): string {
  return text.replaceAll(/ *; */g, "\n");
}

export function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function question(to: string, change: Partial<OutboundQuestion> = {}): OutboundQuestion {
  return {
    sender: undefined,
    recipient: mailbox(`user@${to}`),
    recipientDomain: domain(to),
    nexthop: { kind: "mx", domain: domain(to), port: 25 },
    binding: "{default}",
    bindingGroup: undefined,
    host: domain("mx.peer.test"),
    address: undefined,
    now: 0,
    ...change,
  };
}

export function ruleFor(made: Compiled, to: string, change: Partial<OutboundQuestion> = {}): TlsRule {
  const rule = made.source.outbound(question(to, change));
  assert.ok(rule !== undefined);
  return rule;
}

export function levelFor(made: Compiled, to: string, change: Partial<OutboundQuestion> = {}): string {
  return ruleFor(made, to, change).level.value;
}

export function inboundQuestion(change: Partial<InboundQuestion> = {}): InboundQuestion {
  return {
    listener: "smtp",
    localAddress: "127.0.0.1" as IpAddress,
    localPort: 25,
    client: "192.0.2.7" as IpAddress,
    clientName: undefined,
    user: undefined,
    now: 0,
    ...change,
  };
}
