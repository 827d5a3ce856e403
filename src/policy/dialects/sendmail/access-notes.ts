/**
 * What `check` says of an access map: lines that makemap rejects, entries that look like a requirement and are none, and
 * those that do what they do in Sendmail, which is hardly what their author meant. Sendmail reference, section 12.
 */

import type { Note } from "../dialect.ts";
import { type AccessMap, isWord, type RequirementEntry, type RequirementTag, requirementTags } from "./access-map.ts";
import type { AccessFault, AccessText } from "./access-text.ts";
import type { Notes } from "./configuration.ts";
import { mayRelay } from "./relaying.ts";
import type { RequirementFlaw } from "./requirement-text.ts";
import type { Setup } from "./setup.ts";
import { isTurnedAway } from "./turned-away.ts";

export type AccessReading = Readonly<{
  file: string;
  text: AccessText;
  map: AccessMap;
  setup: Setup;
  skip: boolean;
  dots: boolean;
  compressedIpv6: boolean;
  sessionFeatures: boolean;
  /** There is a sendmail.mc or sendmail.cf, which says how the map is used. */
  isConfigured: boolean;
}>;

export function noteAccess(reading: AccessReading, notes: Notes): void {
  const { file, text, map } = reading;
  for (const fault of text.faults) noteFault(fault, file, notes);
  eachRequirement(map, (_tag, _key, entry) => noteFlaw(entry, file, notes));
  eachRequirement(map, (tag, key, entry) => noteKey(tag, key, entry, reading, notes));
  noteValues(reading, notes);
  const remarks = new Remarks(file);
  eachRequirement(map, (tag, key, entry) => remark(tag, key, entry, reading, remarks));
  remarks.tell(notes);
  for (const { key, value, line } of map.mistagged) {
    const remedy = "write TLS_Srv:, TLS_Rcpt: or TLS_Clt:, or remove the line";
    notes.add("error", { file, line }, `${key} ${value.trim()}: nothing in Sendmail looks up such a key`, remedy);
  }
  noteWhoMaySend(reading, notes);
  if (map.others > 0) {
    notes.add("no-effect", { file, line: 1 }, `${map.others} entries of other tags: not our subject`);
  }
}

/** Told once: such maps are long. */
function noteWhoMaySend({ file, map }: AccessReading, notes: Notes): void {
  const at = { file, line: 1 };
  const relaying = new Set([...map.clients.values(), ...map.recipients.values()].filter(mayRelay)).size;
  if (relaying > 0) notes.add("applied", at, `${relaying} entries with RELAY: who may relay, and to where`);
  const others = [...map.clients.values()].filter(isTurnedAway);
  const away = others.filter(({ access }) => !access.key.includes("@")).length;
  if (away > 0) notes.add("applied", at, `${away} entries by which clients that connect are turned away`);
  const elsewhere = [...map.recipients.values()].filter((entry) => !mayRelay(entry)).length;
  if (elsewhere > 0) {
    const text = `${elsewhere} entries by which senders or recipients are refused: not our subject`;
    notes.add("no-effect", at, text, "");
  }
}

const tlsTag =
  /^(?:tls_(?:srv|clt|rcpt)|try_tls|srv_features|clt_features|tls_(?:srv|clt)_features|cert(?:issuer|subject)):/i;

/** What makemap rejects it leaves out; for an entry of ours that would be less than what was meant. */
function noteFault({ line, kind, key, first }: AccessFault, file: string, notes: Notes): void {
  const at = { file, line };
  if (kind === "duplicate") {
    const text = `${key} stands here a second time: the entry of line ${first?.line ?? 0} holds`;
    notes.add("warning", at, text, "keep the one that is meant");
    return;
  }
  const severity = tlsTag.test(key) ? "error" : "warning";
  if (kind === "no-value")
    notes.add(severity, at, `${key} has no value: makemap leaves it out`, "write a value, or remove the line");
  else if (key !== "")
    notes.add(severity, at, `${key} stands behind a blank: makemap leaves it out`, "begin the line with the key");
}

const flawTexts: Record<RequirementFlaw, readonly [text: string, remedy: string]> = {
  exempts: [
    "is no requirement to Sendmail: mail goes out whatever the connection is like",
    "write VERIFY, VERIFY:bits or ENCR:bits and nothing behind it, or OK for an exemption",
  ],
  "no-bits": ["asks for no strength at all: the bits are no number", "write the bits in decimal digits: ENCR:128"],
  "odd-bits": ["asks for another strength than it says", "write decimal digits without a zero in front: ENCR:112"],
  "extensions-ignored": [
    "is held without its extensions: from the first that cannot be read on, none is checked",
    "write + before the first of CN, CN:, CS:, CI:, CITag: and ++ between them",
  ],
};

type EntryVisitor = (tag: RequirementTag, key: string, entry: RequirementEntry) => void;

function eachRequirement(map: AccessMap, visit: EntryVisitor): void {
  for (const tag of requirementTags) for (const [key, entry] of map.requirements[tag]) visit(tag, key, entry);
}

function writtenOf({ access }: RequirementEntry): string {
  return `${access.key} ${access.value.trim()}`;
}

function noteFlaw(entry: RequirementEntry, file: string, notes: Notes): void {
  const { access, text } = entry;
  if (text.flaw === undefined) return;
  const [said, remedy] = flawTexts[text.flaw];
  const number = text.flaw === "odd-bits" ? ` (${text.bits?.atLeast ?? 0})` : "";
  notes.add("warning", { file, line: access.line }, `${writtenOf(entry)} ${said}${number}`, remedy);
}

/** Keys that are never looked up, or not for what they seem to say. */
function noteKey(
  tag: RequirementTag,
  key: string,
  entry: RequirementEntry,
  reading: AccessReading,
  notes: Notes,
): void {
  const { access } = entry;
  if (!reading.isConfigured && key.startsWith(".") && entry.requirement !== undefined) {
    const text = `whether ${access.key} is ever looked up hangs on FEATURE(lookupdotdomain), which no file here says`;
    const remedy = `give sendmail.mc or sendmail.cf as well, or write ${access.key.replace(":.", ":")}`;
    notes.add("error", { file: reading.file, line: access.line }, text, remedy);
    return;
  }
  const said = deadKey(tag, key, access.key, reading);
  const at = { file: reading.file, line: access.line };
  if (said !== undefined) notes.add("warning", at, `${access.key} never matches: ${said[0]}`, said[1]);
  else if (tag === "tls_srv" && looksLikeDomain(key) && entry.requirement !== undefined) {
    const text = `${writtenOf(entry)} is looked up by the name of the MX host: mail to ${key} is bound by it only where its MX hosts are below ${key}`;
    notes.add("warning", at, text, `write TLS_Rcpt:${key} for mail to the domain`);
  }
}

function deadKey(
  tag: RequirementTag,
  key: string,
  written: string,
  { dots, compressedIpv6 }: AccessReading,
): readonly [why: string, remedy: string] | undefined {
  if (key.startsWith(".") && !dots) {
    return ["keys with a dot in front need FEATURE(lookupdotdomain)", `write ${written.replace(":.", ":")}`];
  }
  if (key.endsWith(".")) return ["names are looked up without the dot at the end", "remove the dot"];
  if (!compressedIpv6 && key.includes("::")) {
    return ["addresses are looked up with all eight groups", "write 0 for each group that is left out"];
  }
  if (/^[\d.]+\/\d+$/.test(key)) return ["there are no address blocks", "write the leading octets: 203.0.113"];
  if (tag !== "tls_rcpt" && key.includes("@")) return ["this tag is looked up by host", `write TLS_Rcpt:${key}`];
  return undefined;
}

/** Two labels, no address: a recipient's domain rather than a host. */
function looksLikeDomain(key: string): boolean {
  return /^[a-z0-9-]+\.[a-z][a-z0-9-]*$/.test(key);
}

/** What can be said of many entries is told once, at the first of them. */
class Remarks {
  readonly #file: string;
  readonly #all = new Map<
    string,
    { kind: Note["kind"]; line: number; written: string; remedy: string; more: number }
  >();

  constructor(file: string) {
    this.#file = file;
  }

  add(kind: Note["kind"], entry: RequirementEntry, text: string, remedy: string): void {
    const known = this.#all.get(text);
    if (known !== undefined) known.more += 1;
    else this.#all.set(text, { kind, line: entry.access.line, written: writtenOf(entry), remedy, more: 0 });
  }

  tell(notes: Notes): void {
    for (const [text, { kind, line, written, remedy, more }] of this.#all) {
      const others = more === 0 ? "" : ` (and ${more} more)`;
      notes.add(kind, { file: this.#file, line }, `${written}${others}: ${text}`, remedy);
    }
  }
}

function remark(
  tag: RequirementTag,
  key: string,
  entry: RequirementEntry,
  { map, setup, skip, isConfigured }: AccessReading,
  remarks: Remarks,
): void {
  const { text } = entry;
  if (entry.isSkip) {
    const said = skip
      ? `no exemption: entries for the address and for all still hold${isConfigured ? "" : " (as Debian sets FEATURE(access_db) up; no file here says)"}`
      : "an exemption like any other word, since FEATURE(access_db) has no skip";
    remarks.add("warning", entry, said, "write OK to exempt");
  }
  if (text.kind !== "requirement") return;
  remarks.add("applied", entry, appliedAs[tag], "");
  if (text.bits?.atLeast === 168) {
    remarks.add(
      "differs",
      entry,
      "triple DES counts 112 bits today and is never used here, so this means 256 bits",
      "",
    );
  }
  if (tag === "tls_clt") remarkClient(key, entry, map, setup, remarks);
  else remarkServer(tag, entry, setup, remarks);
  for (const extension of text.extensions) {
    if (extension.kind === "issuer-tag") remarkTag(extension.tag, entry, map, remarks);
  }
}

const appliedAs: Record<RequirementTag, string> = {
  tls_srv: "held against the host that mail goes to",
  tls_rcpt: "held against the host, for these recipients",
  tls_clt: "held against clients that connect",
};

function remarkServer(tag: RequirementTag, entry: RequirementEntry, setup: Setup, remarks: Remarks): void {
  const { text } = entry;
  if (text.verify && !text.extensions.some(({ kind }) => kind === "cn")) {
    const said = "proves a trusted certificate, not whose it is: no name is compared, nor SubjectAltName with CN";
    remarks.add("warning", entry, said, "add +CN, or +CN:name, where the name matters");
  }
  if (!text.verify && (text.bits?.atLeast ?? 0) > 0) {
    const said = "asks nothing of the certificate, so it does not stop who stands in between";
    remarks.add("warning", entry, said, "write VERIFY:bits+CN where that matters");
  }
  if (text.verify && !setup.bothAuthoritiesSet) {
    const said = "can never be met: nobody is trusted without CACertFile and CACertPath, both";
    remarks.add("warning", entry, said, "set both");
  }
  if (tag === "tls_rcpt") {
    const said = "a domain that is an alias (CNAME) is looked up as written; Sendmail looks up what it stands for";
    remarks.add("differs", entry, said, "");
  }
}

function remarkClient(key: string, entry: RequirementEntry, map: AccessMap, setup: Setup, remarks: Remarks): void {
  if (entry.text.verify && !asksForCertificates(map, setup)) {
    const said = "can never be met: clients are not asked for a certificate (TLSSrvOptions V)";
    remarks.add("warning", entry, said, "add Srv_Features: with v for these clients");
  }
  if (/[a-z]/.test(key) && !/^\[|^ipv6:/.test(key)) {
    const said = "never looked up for a client whose address and name do not lead to each other in DNS";
    remarks.add("warning", entry, said, "write the address, or TLS_Clt: for all");
  }
}

function asksForCertificates(map: AccessMap, setup: Setup): boolean {
  return (
    setup.asksNobody === undefined || [...map.values.srv_features.values()].some(({ value }) => /(?:^|\s)v/.test(value))
  );
}

function remarkTag(tag: string, entry: RequirementEntry, map: AccessMap, remarks: Remarks): void {
  const issuers = map.issuersUnder(tag.toLowerCase());
  if (issuers.size === 0) {
    remarks.add(
      "warning",
      entry,
      `can never be met: nothing stands under ${tag}:`,
      `add ${tag}: with the issuer's DN and OK`,
    );
  }
  for (const { key, value, line } of issuers.values()) {
    if (isWord(value, "OK")) continue;
    const said = `${key} ${value.trim()} in line ${line} lets this issuer pass: only a key that is not there fails`;
    remarks.add("warning", entry, said, "remove the line to refuse the issuer");
  }
}

function noteValues(reading: AccessReading, notes: Notes): void {
  const { file, map } = reading;
  for (const { access, value } of map.values.try_tls.values()) {
    if (isWord(value, "NO")) {
      const key = access.key.slice(access.key.indexOf(":") + 1).toLowerCase();
      if (map.requirements.tls_srv.get(key)?.requirement !== undefined) {
        notes.add(
          "warning",
          { file, line: access.line },
          `${access.key} NO and a TLS_Srv for the same host: no mail can get there`,
          "keep one of the two",
        );
      }
    } else if (!/^(?:YES|OK|SKIP)$/i.test(value)) {
      notes.add(
        "warning",
        { file, line: access.line },
        `${access.key} ${value} does not turn TLS off: only NO does`,
        "write NO, or YES for an exception",
      );
    }
  }
  if (!reading.sessionFeatures) noteUnused(reading, notes);
}

function noteUnused({ file, map }: AccessReading, notes: Notes): void {
  for (const entry of [...map.values.tls_clt_features.values(), ...map.values.tls_srv_features.values()]) {
    notes.add(
      "warning",
      { file, line: entry.access.line },
      `${entry.access.key} is never looked up without FEATURE(tls_session_features)`,
      "add the feature, or remove the line",
    );
  }
}
