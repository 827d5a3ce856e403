/**
 * One value of the TLS policy table: a security level, then attributes (Postfix: 1.2 of the reference, VAL-1 to VAL-6).
 *
 *     policy    = level *( sep attribute )        sep = blanks and commas
 *     attribute = name "=" value                  no blank inside
 *               / "{" name "=" value "}"          blanks allowed inside
 *
 * Parsing says what is wrong in Postfix's own words (1.3 of the reference). What protocols, ciphers and names mean is
 * left to `protocol-list.ts`, `cipher-grades.ts` and `match-names.ts`: Postfix too finds out at the handshake only.
 */
import type { TlsLevel } from "../../rules.ts";
import { tlsLevels } from "../../rules.ts";
import { isHostName } from "./host-name.ts";
import { splitAttribute, splitWords } from "./policy-words.ts";

/** What an MTA-STS plugin hands on (STS-1 to STS-8). */
export type BuiltInPolicy = Readonly<{
  type: "sts" | "no-policy-found" | undefined;
  domain: string | undefined;
  strings: readonly string[];
  mxPatterns: readonly string[];
  failure: string | undefined;
  ttl: string | undefined;
}>;

/** Attributes as written; absent ones are undefined or empty. */
export type PolicyValue = Readonly<{
  level: TlsLevel;
  /** At level `none`: words that Postfix passes over (VAL-5). */
  ignored: readonly string[];
  /** Each `match=` in turn. */
  match: readonly string[];
  protocols: string | undefined;
  ciphers: string | undefined;
  exclude: string | undefined;
  tafiles: readonly string[];
  servername: string | undefined;
  connectionReuse: "yes" | "no" | undefined;
  enableRpk: "yes" | "no" | undefined;
  builtIn: BuiltInPolicy;
}>;

export type ParsedPolicy =
  | Readonly<{ kind: "policy"; value: PolicyValue }>
  /** `problem` in Postfix's words; `offset` of the word at fault, in UTF-16 units from the start of the value. */
  | Readonly<{ kind: "invalid"; level: TlsLevel | undefined; problem: string; offset: number }>;

const levels = new Map<string, TlsLevel>(tlsLevels.map((level) => [level, level]));

/** Names as they are printed; matched whatever their case. */
const policyFailures = ["sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid", "validation-failure"];
const noBuiltIn: BuiltInPolicy = {
  type: undefined,
  domain: undefined,
  strings: [],
  mxPatterns: [],
  failure: undefined,
  ttl: undefined,
};

/** The level alone, as `smtp_tls_security_level` gives it. */
export function plainPolicy(level: TlsLevel): PolicyValue {
  return {
    level,
    ignored: [],
    match: [],
    protocols: undefined,
    ciphers: undefined,
    exclude: undefined,
    tafiles: [],
    servername: undefined,
    connectionReuse: undefined,
    enableRpk: undefined,
    builtIn: noBuiltIn,
  };
}

/** Any case; `undefined` for what is no level, `halfdane` included (VAL-4). */
export function parseLevel(text: string): TlsLevel | undefined {
  return levels.get(text.toLowerCase());
}

export function parsePolicyValue(text: string): ParsedPolicy {
  const [first, ...rest] = splitWords(text);
  if (first === undefined) return { kind: "invalid", level: undefined, problem: "invalid empty policy", offset: 0 };
  const level = parseLevel(first.text);
  if (level === undefined) {
    const problem = `invalid security level "${first.text}"`;
    return { kind: "invalid", level: undefined, problem, offset: first.offset };
  }
  if (level === "none") {
    return { kind: "policy", value: { ...plainPolicy(level), ignored: rest.map((word) => word.text) } };
  }
  const reading = new Reading(level);
  for (const word of rest) {
    const problem = reading.take(word.text);
    if (problem !== undefined) return { kind: "invalid", level, problem, offset: word.offset };
  }
  return reading.finish();
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

/** The attributes of one value, taken one by one. Every problem ends the policy (VAL-6). */
class Reading {
  readonly #level: TlsLevel;
  readonly #value: Mutable<Omit<PolicyValue, "builtIn" | "match" | "tafiles">> & { match: string[]; tafiles: string[] };
  readonly #builtIn: Mutable<Omit<BuiltInPolicy, "strings" | "mxPatterns">> & {
    strings: string[];
    mxPatterns: string[];
  };

  constructor(level: TlsLevel) {
    this.#level = level;
    this.#value = { ...plainPolicy(level), match: [], tafiles: [] };
    this.#builtIn = { ...noBuiltIn, strings: [], mxPatterns: [] };
  }

  /** @returns Postfix's words for what is wrong with it. */
  take(word: string): string | undefined {
    const split = splitAttribute(word);
    if (split.kind === "malformed") return `malformed attribute/value pair "${word}": ${split.problem}`;
    const { name, value } = split;
    switch (name.toLowerCase()) {
      case "ciphers":
        return value === "" ? empty(name) : this.#once(name, "ciphers", value);
      case "protocols":
        return this.#once(name, "protocols", value);
      case "exclude":
        return this.#once(name, "exclude", value);
      case "servername":
        return this.#servername(name, value);
      case "match":
        return this.#match(name, value);
      case "tafile":
        return this.#tafile(name, value);
      case "connection_reuse":
        return this.#yesOrNo(name, "connectionReuse", value);
      case "enable_rpk":
        return this.#yesOrNo(name, "enableRpk", value);
      default:
        return this.#builtInAttribute(name, value);
    }
  }

  finish(): ParsedPolicy {
    const { type, domain, failure, ttl, strings, mxPatterns } = this.#builtIn;
    const given = domain ?? failure ?? ttl ?? strings[0] ?? mxPatterns[0];
    if (type === undefined && given !== undefined) {
      const problem =
        "built-in policy has unexpected attribute policy_ttl, policy_domain, policy_string, mx_host_pattern or policy_failure";
      return { kind: "invalid", level: this.#level, problem, offset: 0 };
    }
    return { kind: "policy", value: { ...this.#value, builtIn: this.#builtIn } };
  }

  #once(name: string, key: "ciphers" | "protocols" | "exclude" | "servername", value: string): string | undefined {
    if (this.#value[key] !== undefined) return multiple(name);
    this.#value[key] = value;
    return undefined;
  }

  #servername(name: string, value: string): string | undefined {
    if (this.#value.servername !== undefined) return multiple(name);
    if (!isHostName(value)) return `"${name}=${value}" specifies an invalid hostname`;
    return this.#once(name, "servername", value);
  }

  #match(name: string, value: string): string | undefined {
    if (value === "") return empty(name);
    if (!["fingerprint", "verify", "secure"].includes(this.#level)) return this.#misplaced(name);
    this.#value.match.push(value);
    return undefined;
  }

  #tafile(name: string, value: string): string | undefined {
    if (this.#level !== "verify" && this.#level !== "secure") return this.#misplaced(name);
    if (value === "") return empty(name);
    this.#value.tafiles.push(value);
    return undefined;
  }

  #misplaced(name: string): string {
    return `attribute "${name}" invalid at security level "${this.#level}"`;
  }

  /** The last one wins. */
  #yesOrNo(name: string, key: "connectionReuse" | "enableRpk", value: string): string | undefined {
    const said = value.toLowerCase();
    if (said !== "yes" && said !== "no") return `attribute "${name}" has bad value: "${value}"`;
    this.#value[key] = said;
    return undefined;
  }

  #builtInAttribute(name: string, value: string): string | undefined {
    switch (name.toLowerCase()) {
      case "policy_type":
        if (this.#builtIn.type !== undefined) return multiple(name);
        if (value !== "sts" && value !== "no-policy-found") return unexpected(name, value);
        this.#builtIn.type = value;
        return undefined;
      case "policy_domain":
        if (this.#builtIn.domain !== undefined) return multiple(name);
        if (!isHostName(value)) return malformed(name, value);
        this.#builtIn.domain = value;
        return undefined;
      case "policy_ttl":
        if (this.#builtIn.ttl !== undefined) return multiple(name);
        if (!/^\d+$/.test(value)) return malformed(name, value);
        this.#builtIn.ttl = value;
        return undefined;
      case "policy_failure":
        if (this.#builtIn.failure !== undefined) return multiple(name);
        if (!policyFailures.includes(value)) return unexpected(name, value);
        this.#builtIn.failure = value;
        return undefined;
      case "policy_string":
        this.#builtIn.strings.push(value);
        return undefined;
      case "mx_host_pattern":
        this.#builtIn.mxPatterns.push(value);
        return undefined;
      default:
        return `invalid attribute name: "${name}"`;
    }
  }
}

function empty(name: string): string {
  return `attribute "${name}" has empty value`;
}

function multiple(name: string): string {
  return `attribute "${name}" is specified multiple times`;
}

function unexpected(name: string, value: string): string {
  return `attribute "${name}" has an unexpected value: "${value}"`;
}

function malformed(name: string, value: string): string {
  return `attribute "${name}" has a malformed value: "${value}"`;
}

/** Parses to the same meaning again. */
export function printPolicyValue(value: PolicyValue): string {
  const { level, ignored, match, protocols, ciphers, exclude, tafiles, servername, builtIn } = value;
  const attributes: readonly (readonly [name: string, value: string | undefined])[] = [
    ...match.map((text) => ["match", text] as const),
    ...tafiles.map((text) => ["tafile", text] as const),
    ["protocols", protocols],
    ["ciphers", ciphers],
    ["exclude", exclude],
    ["servername", servername],
    ["connection_reuse", value.connectionReuse],
    ["enable_rpk", value.enableRpk],
    ["policy_type", builtIn.type],
    ["policy_domain", builtIn.domain],
    ...builtIn.strings.map((text) => ["policy_string", text] as const),
    ...builtIn.mxPatterns.map((text) => ["mx_host_pattern", text] as const),
    ["policy_failure", builtIn.failure],
    ["policy_ttl", builtIn.ttl],
  ];
  const pairs = attributes.flatMap(([name, text]) => (text === undefined ? [] : [printPair(name, text)]));
  return [level, ...ignored, ...pairs].join(" ");
}

function printPair(name: string, value: string): string {
  return /[\s,{}]/.test(value) ? `{ ${name} = ${value} }` : `${name}=${value}`;
}
