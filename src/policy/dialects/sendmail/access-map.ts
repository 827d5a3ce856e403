/**
 * The access map, compiled: one table for each tag that TLS hangs on, keyed as Sendmail looks it up.
 * What stands under other tags is counted and left out. 100,000 entries take a few hundred milliseconds.
 */
import type { Origin, PeerRequirement, RequirementExtension } from "../../rules.ts";
import type { AccessEntry } from "./access-text.ts";
import type { Reply } from "./configuration.ts";
import type { Era } from "./era.ts";
import type { Found } from "./look-up.ts";
import { parseRequirement, type RequirementText } from "./requirement-text.ts";
import { wordsOf } from "./tokens.ts";

export type RequirementEntry = Found &
  Readonly<{
    access: AccessEntry;
    text: RequirementText;
    from: Origin;
    /** `undefined` for an exemption. */
    requirement: PeerRequirement | undefined;
  }>;

export type ValueEntry = Found & Readonly<{ access: AccessEntry; value: string; from: Origin }>;

export const requirementTags = ["tls_srv", "tls_rcpt", "tls_clt"] as const;
export type RequirementTag = (typeof requirementTags)[number];

const valueTags = [
  "try_tls",
  "srv_features",
  "clt_features",
  "tls_clt_features",
  "tls_srv_features",
  "certissuer",
  "certsubject",
] as const;
export type ValueTag = (typeof valueTags)[number];

export type AccessMap = Readonly<{
  requirements: Readonly<Record<RequirementTag, ReadonlyMap<string, RequirementEntry>>>;
  values: Readonly<Record<ValueTag, ReadonlyMap<string, ValueEntry>>>;
  /** What is looked up by the client under `Connect:`, and by the recipient under `To:`: keys without a tag count too. */
  clients: ReadonlyMap<string, ValueEntry>;
  recipients: ReadonlyMap<string, ValueEntry>;
  /** Entries whose tag has nothing to do with TLS, and nothing with who may send where. */
  others: number;
  /** Entries that look as if TLS hung on them, under a tag that nothing looks up. */
  mistagged: readonly AccessEntry[];
  /** What stands under a tag that a requirement names in `CITag:`; keys without the tag, lower case. */
  issuersUnder(tag: string): ReadonlyMap<string, AccessEntry>;
}>;

const requirementOf: Record<RequirementTag, PeerRequirement["of"]> = {
  tls_srv: "host",
  tls_rcpt: "recipient",
  tls_clt: "client",
};

export function compileAccess(
  file: string,
  entries: ReadonlyMap<string, AccessEntry>,
  { defaultReply, issuerTags }: Pick<Era, "defaultReply" | "issuerTags">,
): AccessMap {
  const byTag = groupByTag(entries);
  const under = (tag: string): ReadonlyMap<string, AccessEntry> => byTag.get(tag) ?? new Map();
  const context: Context = { file, defaultReply, under };
  const texts = new Map<string, RequirementText>();
  const requirements = (tag: RequirementTag): ReadonlyMap<string, RequirementEntry> => {
    const table = new Map<string, RequirementEntry>();
    for (const [key, access] of under(tag)) {
      const text = texts.get(access.value) ?? parseRequirement(access.value, issuerTags);
      texts.set(access.value, text);
      table.set(key, new CompiledRequirement(access, text, requirementOf[tag], context));
    }
    return table;
  };
  const values = (tag: ValueTag | "connect" | "to" | ""): ReadonlyMap<string, ValueEntry> => {
    const table = new Map<string, ValueEntry>();
    for (const [key, access] of under(tag)) {
      const value = access.value.trim();
      table.set(key, {
        access,
        value,
        isSkip: /skip/i.test(value) && isWord(value, "SKIP"),
        from: originOf(file, access),
      });
    }
    return table;
  };
  const named = new Set<string>([...requirementTags, ...valueTags]);
  const mistagged: AccessEntry[] = [];
  let others = 0;
  const tables = {
    tls_srv: requirements("tls_srv"),
    tls_rcpt: requirements("tls_rcpt"),
    tls_clt: requirements("tls_clt"),
  };
  const tagsOfIssuers = tagsNamed(texts.values());
  for (const [tag, group] of byTag) {
    if (named.has(tag)) continue;
    if (!whoMaySend.has(tag)) others += group.size;
    if (tagsOfIssuers.has(tag) || otherTags.has(tag)) continue;
    for (const access of group.values()) if (looksMeant(tag, access.value)) mistagged.push(access);
  }
  return {
    requirements: tables,
    values: {
      try_tls: values("try_tls"),
      srv_features: values("srv_features"),
      clt_features: values("clt_features"),
      tls_clt_features: values("tls_clt_features"),
      tls_srv_features: values("tls_srv_features"),
      certissuer: values("certissuer"),
      certsubject: values("certsubject"),
    },
    clients: new Map([...values(""), ...values("connect")]),
    recipients: new Map([...values(""), ...values("to")]),
    others,
    mistagged,
    issuersUnder: under,
  };
}

/** Looked up by client and by recipient. */
const whoMaySend: ReadonlySet<string> = new Set(["connect", "to", ""]);

/** Of Sendmail and of what is often added to it, without TLS. */
const otherTags: ReadonlySet<string> = new Set(
  "connect from to spam greetpause clientrate clientconn authinfo bcc deliveryhints milter".split(" "),
);

function tagsNamed(texts: Iterable<RequirementText>): ReadonlySet<string> {
  const tags = new Set<string>();
  for (const { extensions } of texts) {
    for (const extension of extensions) if (extension.kind === "issuer-tag") tags.add(extension.tag.toLowerCase());
  }
  return tags;
}

/** A tag with TLS in its name, or a value that is a demand. */
function looksMeant(tag: string, value: string): boolean {
  return /tls|ssl/.test(tag) || /^\s*(?:(?:PERM|TEMP)\s*\+\s*)?(?:VERIFY|ENCR)\b/i.test(value);
}

type Context = Readonly<{
  file: string;
  defaultReply: Reply;
  under(tag: string): ReadonlyMap<string, AccessEntry>;
}>;

/** Most of a large map is never asked for: the demand is made when it first is, and then stays the same. */
class CompiledRequirement implements RequirementEntry {
  readonly access: AccessEntry;
  readonly text: RequirementText;
  readonly #of: PeerRequirement["of"];
  readonly #context: Context;
  #made: PeerRequirement | undefined;

  constructor(access: AccessEntry, text: RequirementText, of: PeerRequirement["of"], context: Context) {
    this.access = access;
    this.text = text;
    this.#of = of;
    this.#context = context;
  }

  get isSkip(): boolean {
    return this.text.kind === "exempt" && this.text.written.toUpperCase() === "SKIP";
  }

  get from(): Origin {
    return originOf(this.#context.file, this.access);
  }

  get requirement(): PeerRequirement | undefined {
    const { kind, prefix } = this.text;
    if (kind === "exempt" || (kind === "code-only" && prefix === undefined)) return undefined;
    this.#made ??= this.#make();
    return this.#made;
  }

  #make(): PeerRequirement {
    const { prefix, verify, bits, written } = this.text;
    const { defaultReply, under } = this.#context;
    const extensions = this.text.extensions.map((extension): RequirementExtension => {
      if (extension.kind !== "issuer-tag") return extension;
      return { ...extension, issuers: new Set(under(extension.tag.toLowerCase()).keys()) };
    });
    const reply = replyOf(prefix, defaultReply);
    return { from: this.from, text: written, of: this.#of, verify, bits, extensions, reply };
  }
}

/** True for a value that is this word alone, as Sendmail cuts words. */
export function isWord(value: string, word: string): boolean {
  const [only, ...more] = wordsOf(value);
  return more.length === 0 && only?.toUpperCase() === word;
}

/** Entries without a tag are under the empty one. */
function groupByTag(entries: ReadonlyMap<string, AccessEntry>): Map<string, Map<string, AccessEntry>> {
  const groups = new Map<string, Map<string, AccessEntry>>();
  for (const [key, entry] of entries) {
    const colon = key.indexOf(":");
    const tag = colon < 0 ? "" : key.slice(0, colon);
    let group = groups.get(tag);
    if (group === undefined) {
      group = new Map();
      groups.set(tag, group);
    }
    group.set(key.slice(colon + 1), entry);
  }
  return groups;
}

function originOf(file: string, { key, line, column }: AccessEntry): Origin {
  return { source: "sendmail", file, line, column, scope: key };
}

function replyOf(prefix: RequirementText["prefix"], defaultReply: Reply): Reply {
  if (prefix === "PERM") return { code: 503, status: "5.7.0" };
  return prefix === "TEMP" ? { code: 403, status: "4.7.0" } : defaultReply;
}
