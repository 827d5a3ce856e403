/**
 * What both mail servers go through: sessions of clients, and the mail that some of them leave behind. Plain data.
 */
import type { LabZone } from "../../../src/lab/dns-server.ts";
import type { Shape } from "../differential/destinations.ts";
import type { Command, Dialogue } from "../postfix-inbound-differential/dialogues.ts";
import { users } from "../postfix-inbound-differential/variants.ts";

/** The services of master.cf, by port. */
export const services = {
  25: { smtpd_tls_security_level: "may" },
  26: { smtpd_tls_security_level: "encrypt" },
  27: { smtpd_tls_security_level: "may", smtpd_sasl_auth_enable: "yes", smtpd_tls_auth_only: "no" },
  465: { smtpd_tls_wrappermode: "yes" },
} as const;

export type Session = Dialogue & Readonly<{ port: keyof typeof services }>;

/** Hosts beside those of the outbound differential. */
export const furtherHosts: Readonly<Record<string, Shape>> = {
  rsa13: { certificate: { keyKind: "rsa-2048" } },
  p256: { tls: { groups: "P-256" } },
  p384: { tls: { groups: "P-384" } },
  ffdhe: { tls: { groups: "ffdhe2048" } },
  quantum: { tls: { groups: "X25519MLKEM768" } },
  mail5: { answers: { MAIL: "550 5.7.1 not from you" } },
  mail4: { answers: { MAIL: "450 4.7.1 slow down" } },
  data5: { answers: { DATA: "554 5.6.0 no data" } },
  data4: { answers: { DATA: "451 4.3.0 no room" } },
  final5: { answers: { message: "550-5.7.1 looks like\r\n550 5.7.1 spam" } },
  final4: { answers: { message: "452 4.3.1 disk full" } },
  bare5: { answers: { RCPT: "550 who?" } },
  greet5: { answers: { greeting: "554 5.3.2 go away" } },
  greet4: { answers: { greeting: "421 4.3.2 busy" } },
  ehlo5: { answers: { EHLO: "550 5.5.0 no", HELO: "550 5.5.0 no" } },
  dropgreet: { answers: { greeting: "drop" } },
  dropehlo: { answers: { EHLO: "drop" } },
  droprcpt: { inTls: { RCPT: "drop" } },
  odd: { answers: { message: "250 2.0.0 Ok \u001b[2J bad" } },
};

/** Names beside those of the hosts; `gone.test` has none. */
export const furtherNames: LabZone = {
  "bogus.test": { mx: [[10, "mx.good.test"]], misbehave: "servfail" },
  "nomail.test": { mx: [[0, "."]] },
  "noaddress.test": { mx: [[10, "nowhere.good.test"]] },
  "none.good.test": { mx: [[10, "mx.good.test"]] },
};

/** Of domains of the hosts: `good.test` and `sub.good.test` lead to the good one. */
const deliveries: readonly (readonly [domain: string, level: string])[] = [
  ["good.test", "verify"],
  ["sub.good.test", "may"],
  ["tls12.test", "verify"],
  ["sub.tls12.test", "may"],
  ["rsa.test", "encrypt"],
  ["rsa13.test", "may"],
  ["chacha.test", "may"],
  ["ed25519.test", "may"],
  ["asks.test", "may"],
  ["p256.test", "may"],
  ["p384.test", "may"],
  ["ffdhe.test", "may"],
  ["quantum.test", "may"],
  ["tls13.test", "fingerprint"],
  ["sub.rsa13.test", "fingerprint"],
  ["secure.test", "secure"],
  ["nostarttls.test", "may"],
  ["sub.nostarttls.test", "encrypt"],
  ["none.good.test", "none"],
  ["reject.test", "encrypt"],
  ["sub.reject.test", "may"],
  ["reject5.test", "encrypt"],
  ["self.test", "verify"],
  ["sub.self.test", "may"],
  ["wrong.test", "verify"],
  ["sub.wrong.test", "may"],
  ["exp.test", "verify"],
  ["sub.exp.test", "may"],
  ["otherca.test", "verify"],
  ["garbage.test", "encrypt"],
  ["drophs.test", "encrypt"],
  ["dropcmd.test", "encrypt"],
  ["dropmail.test", "encrypt"],
  ["droprcpt.test", "encrypt"],
  ["dropdata.test", "encrypt"],
  ["dropgreet.test", "may"],
  ["dropehlo.test", "may"],
  ["dead.test", "may"],
  ["gone.test", "may"],
  ["bogus.test", "may"],
  ["nomail.test", "may"],
  ["noaddress.test", "may"],
  ["rcpt5.test", "may"],
  ["rcpt4.test", "may"],
  ["bare5.test", "may"],
  ["mail5.test", "may"],
  ["mail4.test", "may"],
  ["data5.test", "may"],
  ["data4.test", "may"],
  ["final5.test", "may"],
  ["final4.test", "may"],
  ["greet5.test", "may"],
  ["greet4.test", "may"],
  ["ehlo5.test", "may"],
  ["odd.test", "may"],
  ["twomx.test", "encrypt"],
  ["twomx2.test", "verify"],
  ["twog.test", "encrypt"],
  ["twodead.test", "may"],
];

/** @param digest of the certificate that `tls13.test` shows, as Postfix writes it; no other host has it */
export function policyTable(digest: string): string {
  return deliveries
    .map(([domain, level]) => `${domain} ${level}${level === "fingerprint" ? ` match=${digest}` : ""}\n`)
    .join("");
}

const plain: Omit<Session, "id" | "commands"> = {
  variant: "",
  port: 25,
  from: "network",
  certificate: "none",
  version: "TLSv1.3",
  serverName: undefined,
};

const ehlo: Command = { line: "EHLO client.test" };
const quit: Command = { line: "QUIT" };
const starttls: Command = { line: "STARTTLS" };

function commands(...lines: readonly string[]): readonly Command[] {
  return lines.map((line) => ({ line }));
}

function mail(from: string, ...to: readonly string[]): readonly Command[] {
  return commands(`MAIL FROM:<${from}>`, ...to.map((recipient) => `RCPT TO:<${recipient}>`), "DATA");
}

function authPlain(password: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${users.name}\0${password}`).toString("base64")}`;
}

const overTls = [ehlo, starttls, ehlo];
const allowed = mail("", "u@good.test");

const clients: readonly (Omit<Partial<Session>, "commands"> &
  Readonly<{ id: string; commands: readonly Command[] }>)[] = [
  { id: "in clear", commands: [ehlo, ...allowed, quit] },
  { id: "HELO", commands: [...commands("HELO client.test"), ...allowed, quit] },
  { id: "TLS 1.3", commands: [...overTls, ...allowed, quit] },
  { id: "TLS 1.2", version: "TLSv1.2", commands: [...overTls, ...allowed, quit] },
  { id: "trusted client", certificate: "trusted", commands: [...overTls, ...allowed, quit] },
  { id: "untrusted client", certificate: "untrusted", commands: [...overTls, ...allowed, quit] },
  { id: "self-signed client", certificate: "listed", commands: [...overTls, ...allowed, quit] },
  { id: "implicit TLS", port: 465, commands: [ehlo, ...allowed, quit] },
  {
    id: "log-in",
    port: 27,
    from: "stranger",
    commands: [...overTls, { line: authPlain(users.password) }, ...allowed, quit],
  },
  { id: "failed log-in", port: 27, from: "stranger", commands: [ehlo, { line: authPlain("wrong") }, quit] },
  { id: "unknown mechanism", port: 27, from: "stranger", commands: [ehlo, { line: "AUTH NOSUCH" }, quit] },
  {
    id: "relay denied",
    from: "stranger",
    commands: [ehlo, ...commands("MAIL FROM:<a@far.test>", "RCPT TO:<u@good.test>"), quit],
  },
  {
    id: "relay denied over TLS",
    from: "stranger",
    commands: [...overTls, ...commands("MAIL FROM:<>", "RCPT TO:<u@good.test>"), quit],
  },
  { id: "MAIL before STARTTLS", port: 26, commands: [ehlo, ...commands("MAIL FROM:<a@far.test>"), quit] },
  { id: "two messages", commands: [ehlo, ...allowed, ...mail("", "v@good.test"), quit] },
  { id: "two recipients", commands: [ehlo, ...mail("", "u@good.test", "v@good.test"), quit] },
  { id: "a sender who gets a notice", commands: [ehlo, ...mail("s@good.test", "u@rcpt5.test"), quit] },
  { id: "leaves at once", commands: [] },
  { id: "leaves after EHLO", commands: [ehlo] },
  { id: "leaves after MAIL", commands: [ehlo, ...commands("MAIL FROM:<a@far.test>")] },
  { id: "leaves after RCPT", commands: [ehlo, ...commands("MAIL FROM:<a@far.test>", "RCPT TO:<u@good.test>")] },
  { id: "leaves in DATA", commands: [ehlo, ...commands("MAIL FROM:<a@far.test>", "RCPT TO:<u@good.test>", "data")] },
  { id: "leaves after STARTTLS", commands: [ehlo, { line: "STARTTLS " }] },
  { id: "garbage in the handshake", commands: [ehlo, ...commands("STARTTLS ", "this is no ClientHello")] },
  {
    id: "other commands",
    commands: [ehlo, ...commands("NOOP", "RSET", "VRFY u@good.test", "XYZZY", "MAIL", "HELP"), quit],
  },
  {
    id: "syntax errors",
    commands: [
      ehlo,
      ...commands("MAIL FROM:<a@", "RCPT TO:<u@good.test>", "DATA", "MAIL FROM:<a@far.test>", "RCPT"),
      quit,
    ],
  },
];

export const sessions: readonly Session[] = [
  ...clients.map((client) => ({ ...plain, ...client })),
  ...deliveries.map(([domain, level]) => ({
    ...plain,
    id: `to ${domain} at ${level}`,
    commands: [ehlo, ...mail("", `u@${domain}`), quit],
  })),
];
