/**
 * `queue-filter`: of which queues an accounting file has records (reference, section 3.1). The first pattern that fits
 * decides; a queue that none fits is left out.
 */
import { type AccountingDirective, type AccountingNotes, itemsOf } from "./accounting-lines.ts";
import { defaultVirtualMta } from "./bindings.ts";
import { type DomainPattern, parsePattern } from "./domain-sections.ts";
import { textOf } from "./lines.ts";

export type QueueTest = (domain: string, vmta: string) => boolean;

type Entry = Readonly<{ domain: DomainPattern; vmta: string; wanted: boolean }>;

/** @returns undefined where every queue is wanted */
export function queueFilter(line: AccountingDirective | undefined, notes: AccountingNotes): QueueTest | undefined {
  if (line === undefined) return undefined;
  const entries = itemsOf(line, textOf(line.value), notes).flatMap((item) => entryOf(item, line, notes));
  if (entries.length > 0 && entries.every(({ wanted }) => !wanted)) {
    notes.warning(line, "queue-filter: every pattern begins with !, so nothing is written", "add */* at its end");
  }
  return (domain, vmta) => {
    const entry = entries.find((one) => (one.vmta === "*" || one.vmta === vmta) && fits(one.domain, domain));
    return entry?.wanted ?? false;
  };
}

function entryOf(item: string, line: AccountingDirective, notes: AccountingNotes): Entry[] {
  const [, not, domain = "", vmta = defaultVirtualMta] = /^(!?)\s*([^/\s]+)(?:\/([^/\s]+))?$/.exec(item) ?? [];
  const pattern = domain.startsWith("{") ? undefined : parsePattern(domain);
  if (pattern !== undefined) return [{ domain: pattern, vmta, wanted: not === "" }];
  notes.error(line, `queue-filter: "${item}" is no queue`, "write domain/virtual-mta, such as *.example.com/*");
  return [];
}

function fits(pattern: DomainPattern, domain: string): boolean {
  switch (pattern.kind) {
    case "any":
      return true;
    case "exact":
      return domain === pattern.name;
    case "below":
      return domain.endsWith(`.${pattern.name}`);
    case "below-and-itself":
      return domain === pattern.name || domain.endsWith(`.${pattern.name}`);
    case "literal":
      return domain === `[${pattern.block.text}]`;
  }
}
