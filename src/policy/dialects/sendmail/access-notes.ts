/**
 * What `check` says of an access map: lines that makemap rejects, entries that look like a requirement and are none, and
 * those that do what they do in Sendmail, which is hardly what their author meant. Sendmail reference, section 12.
 */
import { type AccessMap, isWord, type RequirementEntry, type RequirementTag, requirementTags } from "./access-map.ts";
import type { AccessFault, AccessText } from "./access-text.ts";
import type { Notes, Place } from "./configuration.ts";
import type { RequirementFlaw } from "./requirement-text.ts";
import type { Setup } from "./setup.ts";

export type AccessReading = Readonly<{
  file: string;
  text: AccessText;
  map: AccessMap;
  setup: Setup;
  skip: boolean;
  dots: boolean;
  compressedIpv6: boolean;
  sessionFeatures: boolean;
}>;

export function noteAccess(reading: AccessReading, notes: Notes): void {
  const { file, text, map } = reading;
  for (const fault of text.faults) noteFault(fault, file, notes);
  for (const tag of requirementTags) {
    for (const [key, entry] of map.requirements[tag]) noteEntry(tag, key, entry, reading, notes);
  }
  noteValues(reading, notes);
  if (map.others > 0) {
    notes.add("no-effect", { file, line: 1 }, `${map.others} entries of other tags: not our subject`);
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

function noteEntry(
  tag: RequirementTag,
  key: string,
  entry: RequirementEntry,
  reading: AccessReading,
  notes: Notes,
): void {
  const { access, text } = entry;
  const at: Place = { file: reading.file, line: access.line };
  const written = `${access.key} ${access.value.trim()}`;
  if (text.flaw !== undefined) {
    const [said, remedy] = flawTexts[text.flaw];
    const number = text.flaw === "odd-bits" ? ` (${text.bits?.atLeast ?? 0})` : "";
    notes.add("warning", at, `${written} ${said}${number}`, remedy);
  }
  noteKey(tag, key, entry, reading, at, notes);
  if (text.kind !== "requirement") {
    if (isWord(access.value, "SKIP")) noteSkip(written, at, reading, notes);
    return;
  }
  noteMeaning(tag, written, entry, reading, at, notes);
}

function noteSkip(written: string, at: Place, { skip }: AccessReading, notes: Notes): void {
  const text = skip
    ? `${written} is no exemption: entries for the address and for all still hold`
    : `${written} is an exemption like any other word, since FEATURE(access_db) has no skip`;
  notes.add("warning", at, text, "write OK to exempt");
}

/** Keys that are never looked up, or not for what they seem to say. */
function noteKey(
  tag: RequirementTag,
  key: string,
  { access }: RequirementEntry,
  { dots, compressedIpv6 }: AccessReading,
  at: Place,
  notes: Notes,
): void {
  if (key.startsWith(".") && !dots) {
    notes.add(
      "warning",
      at,
      `${access.key} never matches: keys with a dot in front need FEATURE(lookupdotdomain)`,
      `write ${access.key.replace(":.", ":")}`,
    );
  } else if (key.endsWith(".") && key !== "") {
    notes.add(
      "warning",
      at,
      `${access.key} never matches: hosts are looked up without the dot at the end`,
      "remove the dot",
    );
  } else if (!compressedIpv6 && key.includes("::")) {
    notes.add(
      "warning",
      at,
      `${access.key} never matches: addresses are looked up with all eight groups`,
      "write 0 for each group that is left out",
    );
  } else if (key.includes("/")) {
    notes.add(
      "warning",
      at,
      `${access.key} never matches: there are no address blocks`,
      "write the leading octets: 203.0.113",
    );
  } else if (tag !== "tls_rcpt" && key.includes("@")) {
    notes.add("warning", at, `${access.key} never matches: this tag is looked up by host`, `write TLS_Rcpt:${key}`);
  }
}

function noteMeaning(
  tag: RequirementTag,
  written: string,
  { text, access }: RequirementEntry,
  { map, setup }: AccessReading,
  at: Place,
  notes: Notes,
): void {
  if (tag === "tls_srv" && looksLikeDomain(access.key)) {
    const rest = access.key.slice(access.key.indexOf(":") + 1);
    notes.add(
      "warning",
      at,
      `${written} is looked up by the name of the MX host: mail to ${rest} is bound by it only where its MX hosts are below ${rest}`,
      `write TLS_Rcpt:${rest} for mail to the domain`,
    );
  }
  if (text.bits?.atLeast === 168) {
    notes.add(
      "differs",
      at,
      `${written}: triple DES counts 112 bits today and is never used here, so this means 256 bits`,
      "",
    );
  }
  if (text.verify && !text.extensions.some(({ kind }) => kind === "cn") && tag !== "tls_clt") {
    notes.add(
      "warning",
      at,
      `${written} proves a trusted certificate, not whose it is: no name is compared`,
      "add +CN, or +CN:name, where the name matters",
    );
  }
  if (text.verify && tag === "tls_clt" && !asksForCertificates(map, setup)) {
    notes.add(
      "warning",
      at,
      `${written} can never be met: clients are not asked for a certificate (TLSSrvOptions V)`,
      "add Srv_Features: with v for these clients",
    );
  }
  if (text.verify && tag !== "tls_clt" && !setup.bothAuthoritiesSet) {
    notes.add(
      "warning",
      at,
      `${written} can never be met: nobody is trusted without CACertFile and CACertPath, both`,
      "set both",
    );
  }
  for (const extension of text.extensions) {
    if (extension.kind === "issuer-tag") noteTag(extension.tag, written, map, at, notes);
  }
}

function asksForCertificates(map: AccessMap, setup: Setup): boolean {
  return !setup.asksNobody || [...map.values.srv_features.values()].some(({ value }) => /(?:^|\s)v/.test(value));
}

function noteTag(tag: string, written: string, map: AccessMap, at: Place, notes: Notes): void {
  const issuers = map.issuersUnder(tag.toLowerCase());
  if (issuers.size === 0) {
    notes.add(
      "warning",
      at,
      `${written} can never be met: nothing stands under ${tag}:`,
      `add ${tag}: with the issuer's DN and OK`,
    );
  }
  for (const issuer of issuers.values()) {
    if (!isWord(issuer.value, "OK")) {
      notes.add(
        "warning",
        { ...at, line: issuer.line },
        `${issuer.key} ${issuer.value.trim()} lets this issuer pass: only a key that is not there fails`,
        "remove the line to refuse the issuer",
      );
    }
  }
}

/** Two labels, no address: a recipient's domain rather than a host. */
function looksLikeDomain(key: string): boolean {
  return /^[a-z0-9-]+\.[a-z][a-z0-9-]*$/i.test(key.slice(key.indexOf(":") + 1));
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
