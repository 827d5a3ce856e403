/**
 * The sections of a PowerMTA configuration (reference, section 1.3), and where each may stand. `global` is the file itself.
 */
export type SectionPlace = Readonly<{ name: string; inside: readonly string[]; argument: "one" | "none" | "optional" }>;

const sections: readonly SectionPlace[] = [
  { name: "source", inside: ["global"], argument: "one" },
  { name: "smtp-listener", inside: ["global"], argument: "one" },
  { name: "smtp-user", inside: ["global"], argument: "one" },
  { name: "source-group", inside: ["global"], argument: "one" },
  { name: "domain", inside: ["global", "virtual-mta", "virtual-mta-pool"], argument: "one" },
  { name: "virtual-mta", inside: ["global"], argument: "one" },
  { name: "virtual-mta-pool", inside: ["global"], argument: "one" },
  { name: "acct-file", inside: ["global"], argument: "one" },
  { name: "pattern-list", inside: ["global", "pattern-list"], argument: "optional" },
  { name: "smtp-pattern-list", inside: ["global"], argument: "one" },
  { name: "bounce-category-patterns", inside: ["global"], argument: "none" },
  { name: "mx-rollup-list", inside: ["global"], argument: "none" },
  { name: "spool", inside: ["global"], argument: "one" },
  { name: "dns", inside: ["global"], argument: "none" },
  { name: "proxy", inside: ["global"], argument: "one" },
  { name: "bounce-processor", inside: ["global"], argument: "none" },
  { name: "feedback-loop-processor", inside: ["global"], argument: "none" },
  { name: "address-list", inside: ["global", "bounce-processor", "feedback-loop-processor"], argument: "optional" },
  { name: "email-patterns", inside: ["global", "bounce-processor", "feedback-loop-processor"], argument: "optional" },
  { name: "rewrite-list", inside: ["global"], argument: "one" },
  { name: "domain-key-list", inside: ["global"], argument: "one" },
  { name: "suppression-list", inside: ["global"], argument: "one" },
  { name: "signals", inside: ["global"], argument: "none" },
  { name: "signals-filter", inside: ["global"], argument: "one" },
  { name: "transmissions-api", inside: ["global"], argument: "none" },
  { name: "transmissions-api-listener", inside: ["global"], argument: "one" },
  { name: "aliases", inside: ["global"], argument: "none" },
];

export const sectionNames: ReadonlyMap<string, SectionPlace> = new Map(sections.map((entry) => [entry.name, entry]));
