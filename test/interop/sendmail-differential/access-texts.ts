/**
 * Access maps as chance writes them: requirements well and badly formed, under keys that fit the hosts and recipients
 * of `peers.ts` exactly, by a parent, by a net, by default, or not at all, among lines that are no entries.
 */
import { authorityText, strangerText } from "./certificates.ts";
import type { Random } from "./random.ts";

/** What a base may be followed by; `mx.partner.example` and the names of `peers.ts` make some of them true. */
const extensions = [
  "CN",
  "cn",
  "CN:mx.partner.example",
  "CN:MX.Partner.Example",
  "CN:*.partner.example",
  "CN:other.example",
  "CN:Mail+20Host",
  `CI:${authorityText}`,
  `CI:${authorityText.toLowerCase()}`,
  `CI:${strangerText}`,
  "CI:/C=CH/O=Clinic Mail/CN=Root (test)",
  "CS:/C=CH/O=Clinic+20Mail/CN=mx.partner.example",
  "CS:/CN=mx.partner.example",
  "CS:/CN=other.example",
  "CITag:Good",
  "CITag:Refused",
  "CITag:Missing",
  "citag:good",
] as const;

const bases = [
  "VERIFY",
  "verify",
  "VERIFY:0",
  "VERIFY:112",
  "VERIFY:128",
  "VERIFY:256",
  "VERIFY:0200",
  "ENCR:0",
  "ENCR:1",
  "ENCR:112",
  "encr:128",
  "ENCR:168",
  "ENCR:0129",
  "ENCR:256",
  "ENCR:257",
  "ENCR: 112",
  "ENCR :112",
  "VERIFY : 128",
] as const;

const prefixes = ["", "", "", "PERM+", "TEMP+", "perm+", "TEMP + "] as const;

/** What stands for "none of this here". */
export const exemptions = ["OK", "NONE", "SKIP", "skip", "REJECT", "RELAY", "no", "550 we do not like you"] as const;

/** Near misses, each of them seen in somebody's file or one keystroke from it. */
export const malformed = [
  "ENCR",
  "ENCR:",
  "ENCR:strong",
  "ENCR:-1",
  "ENCR:112.5",
  "ENCR:112 # note",
  "VERIFY # note",
  "VERIFY #note",
  "ENCR:112+",
  "PERM+",
  "TEMP+",
  "PERM ENCR:112",
  "ENCR:112 VERIFY",
  "ENCR:112;VERIFY",
  "ENCR:112,VERIFY",
  "ENCR 112",
  "ENCR=112",
  "REQUIRE",
  "BANANA",
  "YES",
  "VERIFY+CN+CI:/x",
  "VERIFY++CN",
  "VERIFY+",
  "VERIFY+XX:foo",
  "VERIFY+CN++XX:foo",
  "VERIFY+XX:foo++CN:nobody.example",
  "VERIFY+CN:",
  "VERIFY+CN:++CI:/x",
  "VERIFY+CI:",
  "VERIFY+CS:",
  "VERIFY+CITag:",
  "VERIFY+CITag:a.b",
  "VERIFY:",
  "VERIFY:strong",
  "VERIFY:128:256",
  "VERIFY:-128",
  "VERIFY:128.5",
  "VERIFY 128",
  "VERIFY:128 CN",
  "VERIFY:128++CN",
  "VERIFY:128+CN++",
  "VERIFY:128+CN++++CI:/x",
  "VERIFY+CN:a.example++CN:b.example",
  "VERIFY+CN:mx.partner.example:25",
  "VERIFY,CN",
  "VERIFYX",
  "XVERIFY",
  '"VERIFY"',
  "<VERIFY>",
  "PERM+TEMP+VERIFY",
  "PERM:VERIFY",
  "PERM+OK",
  "PERMVERIFY",
  "+VERIFY",
  "ENCR:112+CN+",
  "ENCR:112+VERIFY",
  "ENCR:99999999999999999999",
  "ENCR:18446744073709551728",
  "ENCR:0x70",
  "ENCR:112bits",
  "ENCR:1 12",
  "VERIFY+CN mx.partner.example",
  "VERIFY+CN:mx.partner.example other",
  "VERIFY + CN : mx.partner.example ++ CI:/x",
  "VERIFY+CN: mx.partner.example",
  "VERIFY+CN:@mx.partner.example",
  "VERIFY+CN:mx..partner.example",
  "PERM+VERIFY+cn:mx.partner.example++ci:/CN=x",
  "ENCR:112+CITag:Missing",
  "ENCR:0+CITag:Refused++CN:nobody.example",
] as const;

/** A requirement as the manual wants it. */
export function wellFormed(random: Random): string {
  const some = random.some(extensions, random.pick([0, 0, 0, 0, 1, 1, 2, 3]));
  const list = some.length === 0 ? "" : `+${some.join("++")}`;
  return `${random.pick(prefixes)}${random.pick(bases)}${list}`;
}

export const wellFormedExamples: readonly string[] = [
  ...bases,
  ...extensions.flatMap((extension) => [`VERIFY+${extension}`, `PERM+ENCR:128+${extension}`]),
  "TEMP+VERIFY",
  "TEMP+ENCR:112+CN",
  "PERM + VERIFY : 128 + CN",
  `VERIFY:128+CN:mx.partner.example++CI:${authorityText}`,
  `PERM+VERIFY+CN++CITag:Good++CI:${strangerText}`,
];

export const hostKeys = [
  "",
  "mx.partner.example",
  "MX.partner.EXAMPLE",
  "mx.partner.example.",
  "partner.example",
  "partner.example.",
  ".partner.example",
  ".mx.partner.example",
  "example",
  ".example",
  ".",
  "eu.partner.example",
  ".eu.partner.example",
  "mx1.eu.partner.example",
  "xpartner.example",
  "artner.example",
  "*.partner.example",
  "mx-in.clinic.example",
  "clinic.example",
  "d.deep.example",
  "192.0.2.7",
  "192.0.2",
  "192.0.2.",
  "192.0",
  "192",
  "192.0.2.0/24",
  "192.0.2.07",
  "[192.0.2.7]",
  "[192.0.2]",
  "[192.0]",
  "203.0.113.5",
  "203.0.113",
  "IPv6:2001:db8:0:0:0:0:0:1",
  "ipv6:2001:DB8:0:0:0:0:0:1",
  "IPv6:2001:db8::1",
  "IPv6:2001:db8:0:0",
  "IPv6:2001:db8:0:1",
  "IPv6:2001:db8",
  "IPv6:2001",
  "2001:db8:0:0:0:0:0:1",
  "2001:db8",
  "[IPv6:2001:db8:0:0:0:0:0:1]",
  "[IPv6:2001:db8]",
] as const;

const recipientKeys = [
  "",
  "clinic.example",
  ".clinic.example",
  "Clinic.Example",
  "clinic.example.",
  "sub.clinic.example",
  "example",
  "ceo@",
  "CEO@",
  "ceo+*@",
  "ceo+tag@",
  "ceo@clinic.example",
  "Ceo@Clinic.Example",
  "ceo+tag@clinic.example",
  "ceo+*@clinic.example",
  "ceo+@clinic.example",
  "ceo@sub.clinic.example",
  "ceo@.clinic.example",
  "@clinic.example",
  "first.last@clinic.example",
  "first.last@",
  "partner.example",
  "[192.0.2.7]",
  "[192.0.2]",
  "192.0.2",
  "nobody@elsewhere.example",
] as const;

/** Lines that say nothing to TLS, or nothing at all. */
const noise = [
  "# a comment",
  "",
  "   ",
  "   TLS_Srv:mx.partner.example\tPERM+ENCR:256",
  "\tTLS_Srv:\tPERM+ENCR:256",
  "TLS_Srv:mx.partner.example",
  "TLS_Srv",
  "TLS_Rcpt:ceo@clinic.example   ",
  "#TLS_Srv:\tPERM+ENCR:256",
  "mx.partner.example\tPERM+ENCR:256",
  "clinic.example\tREJECT",
  "Connect:mx.partner.example\tPERM+ENCR:256",
  "To:clinic.example\tPERM+VERIFY",
  "From:ceo@clinic.example\tREJECT",
  "Good\tOK",
  "Srv_Features:\tS",
] as const;

/** Relaying by certificate; the first of two entries with one key stays. */
const relaying = [
  `CertIssuer:${authorityText}\tRELAY`,
  `CertIssuer:${authorityText}\tSUBJECT`,
  `CERTIssuer:${authorityText.toLowerCase()}\tsubject`,
  `CertIssuer:${strangerText}\tRELAY`,
  `CertIssuer:${authorityText}\tOK`,
  "CertSubject:/CN=pc.partner.example\tRELAY",
  "CertSubject:/CN=other.example\tSUBJECT",
  "certsubject:/C=CH/O=Clinic+20Mail/CN=mx.partner.example\trelay",
] as const;

const separators = ["\t", " ", "   ", "\t\t", " \t "] as const;

export type HostTag = "TLS_Srv" | "TLS_Clt" | "Try_TLS";

/** A whole access map for one batch of questions. */
export function accessText(random: Random): string {
  const lines: string[] = [];
  for (const key of random.some(hostKeys, 9))
    lines.push(entry(random, tagFor(random, "TLS_Srv"), key, requirement(random)));
  for (const key of random.some(hostKeys, 5))
    lines.push(entry(random, tagFor(random, "TLS_Clt"), key, requirement(random)));
  for (const key of random.some(hostKeys, 4))
    lines.push(entry(random, tagFor(random, "Try_TLS"), key, tryValue(random)));
  for (const key of random.some(recipientKeys, 8)) {
    lines.push(entry(random, tagFor(random, "TLS_Rcpt"), key, requirement(random)));
  }
  lines.push(...random.some(noise, 4));
  if (random.once(2)) lines.push(...issuerTags(random));
  lines.push(...random.some(relaying, random.pick([0, 1, 2, 3, 4])));
  return `${random.some(lines, lines.length).join("\n")}${random.once(5) ? "" : "\n"}`;
}

/** `Good` knows the authority, `Refused` knows it with another value. */
export function issuerTags(random: Random): string[] {
  return [
    `Good:${authorityText}${random.pick(separators)}${random.pick(["OK", "ok"])}`,
    `Refused:${random.pick([authorityText, authorityText.toLowerCase()])}\t${random.pick(["REJECT", "OK", "no"])}`,
  ];
}

function entry(random: Random, tag: string, key: string, value: string): string {
  return `${tag}:${key}${random.pick(separators)}${value}${random.once(6) ? "  " : ""}`;
}

/** Letter case counts for nothing in keys. */
function tagFor(random: Random, tag: string): string {
  return random.once(8) ? random.pick([tag.toLowerCase(), tag.toUpperCase()]) : tag;
}

function requirement(random: Random): string {
  const kind = random.below(10);
  if (kind < 7) return wellFormed(random);
  return kind < 9 ? random.pick(malformed) : random.pick(exemptions);
}

function tryValue(random: Random): string {
  return random.pick(["NO", "NO", "no", "No", "NO  ", "YES", "OK", "SKIP", "NO please", "NO.", "N", "NO!", "PERM+NO"]);
}
