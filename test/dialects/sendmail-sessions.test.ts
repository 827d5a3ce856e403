/**
 * The sendmail reference's numbered cases about mail that we receive, as conversations: a real client against listeners
 * that a sendmail.mc and an access map lead. (That the real Sendmail answers alike is `test/interop`'s to show.)
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { ClientName } from "../../src/mail/client-name.ts";
import { domain } from "../../src/mail/domain.ts";
import { type ClientCertificate, Voice } from "../interop/lab/voice.ts";
import { CertificateMaker } from "../interop/sendmail-differential/certificates.ts";
import { filesOf } from "./sendmail/lab.ts";
import { settingsFor, startListeners } from "./sendmail/listeners.ts";

const maker = await CertificateMaker.create();
const certificate = async (
  cn: string,
  signedBy: "authority" | "stranger" = "authority",
): Promise<ClientCertificate> => {
  const macros = { cn, subject: `/O=Partner+20Ltd/CN=${cn}` };
  const attributes = [["O", "Partner Ltd"] as const, ["CN", cn] as const];
  const { chainPem, privateKeyPem } = await maker.make({ attributes, macros, names: [cn], signedBy });
  return { cert: chainPem, key: privateKeyPem };
};
const own = await certificate("mx.sendmail.test");
const files: Readonly<Record<string, string>> = {
  "/tls/server.pem": own.cert,
  "/tls/server.key": own.key,
  "/tls/ca.pem": maker.authorityPem,
  "/tls/01234567.0": maker.authorityPem,
};

const ports = "DAEMON_OPTIONS(`Port=smtp, Name=MTA')dnl\n";
const tlsLines = `define(\`confSERVER_CERT',\`/tls/server.pem')define(\`confSERVER_KEY',\`/tls/server.key')dnl
define(\`confCACERT',\`/tls/ca.pem')define(\`confCACERT_PATH',\`/tls')dnl
`;

/** Who is called what; the others have no name. */
const names: Readonly<Record<string, ClientName>> = {
  "127.0.1.1": { kind: "verified", name: domain("pc.laptop.example") },
  "127.0.1.2": { kind: "verified", name: domain("pc2.laptop.example") },
  "127.0.1.3": { kind: "forged", name: domain("pc3.laptop.example") },
  "127.0.1.4": { kind: "verified", name: domain("other.example") },
  "127.0.1.5": { kind: "unknown" },
};
const laptop = "127.0.1.1";

type Conversation = Readonly<{
  access: string;
  mc?: string;
  from?: string;
  shows?: ClientCertificate;
  /** What is not there. */
  without?: string;
  /** Heard first; `220 ` unless given. */
  greeting?: string;
  /** Said, and the beginning of the answer; `TLS` after a handshake. */
  lines: readonly (readonly [said: string, heard: string | RegExp])[];
}>;

function conversation(
  title: string,
  { access, mc = "", from = laptop, shows, without = "", greeting = "220 ", lines }: Conversation,
): void {
  test(`sendmail ${title}`, async () => {
    const there = Object.fromEntries(Object.entries(files).filter(([name]) => name !== without));
    const texts = { ...there, "/mc": `FEATURE(\`access_db')dnl\n${ports}${tlsLines}${mc}`, "/access": `${access}\n` };
    await using listening = await startListeners({
      settings: settingsFor({ access: "/access", mc: "/mc" }, filesOf(texts), "limits: { errors: 26 }\n"),
      clientName: async (address) => names[address] ?? { kind: "none" },
      anywhere: true,
    });
    const port = listening.ports.get("MTA");
    assert.ok(port);
    const socket = connect({ host: "127.0.0.1", port, localAddress: from });
    await once(socket, "connect");
    const voice = new Voice(socket, shows);
    assert.equal((await heardText(voice)).slice(0, greeting.length), greeting);
    for (const [said, wanted] of lines) {
      if (said !== "(handshake)") voice.say(`${said}\r\n`);
      const heard = said === "(handshake)" ? (await voice.handshake()).kind : await heardText(voice);
      if (typeof wanted === "string") assert.equal(heard.slice(0, wanted.length), wanted, said);
      else assert.match(heard, wanted, said);
    }
    voice.end();
  });
}

async function heardText(voice: Voice): Promise<string> {
  const heard = await voice.hear();
  return heard.kind === "reply" ? `${heard.code} ${heard.lines.join(" | ")}` : heard.kind;
}

const hello = ["EHLO x.example", /^250 /] as const;
const startTls = [
  ["STARTTLS", "220 2.0.0 Ready to start TLS"],
  ["(handshake)", "handshake"],
] as const;
const bare = ["EHLO x.example", /^250 \S+(?: Hello [^|]*)? \| ENHANCEDSTATUSCODES$/] as const;
const mail = "MAIL FROM:<a@sender.example>";
const taken = [mail, "250 2.1.0"] as const;
const relayed = "RCPT TO:<b@far.example>";
const trusted = await certificate("pc.laptop.example");
const stranger = await certificate("pc.laptop.example", "stranger");

conversation("64: ENCR, MAIL in clear is refused for now; then STARTTLS, and it is taken", {
  access: "TLS_Clt:laptop.example ENCR:112",
  lines: [hello, [mail, "454 4.7.0 encryption too weak 0 less than 112"], ...startTls, hello, taken],
});

conversation("65: PERM+ENCR, MAIL in clear", {
  access: "TLS_Clt:laptop.example PERM+ENCR:112",
  lines: [hello, [mail, "503 5.7.0 encryption too weak 0 less than 112"]],
});

conversation("66: VERIFY, MAIL in clear", {
  access: "TLS_Clt:laptop.example VERIFY",
  lines: [hello, [mail, "454 4.7.0 authentication required"]],
});

conversation("67: VERIFY, no client certificate: EHLO is bare, and nothing but NOOP, RSET and QUIT is obeyed", {
  access: "TLS_Clt:laptop.example VERIFY",
  lines: [
    hello,
    ...startTls,
    bare,
    [mail, "454 4.7.0 not authenticated"],
    ["NOOP", "250"],
    ["RSET", "250"],
    ["VRFY x", "454 4.7.0 not authenticated"],
    ["HELP", "454 4.7.0 not authenticated"],
    ["STARTTLS", "454 4.7.0 not authenticated"],
    ["QUIT", "221"],
  ],
});

conversation("68: VERIFY, TLSSrvOptions V: nobody was asked", {
  access: "TLS_Clt:laptop.example VERIFY",
  mc: "define(`confTLS_SRV_OPTIONS',`V')dnl\n",
  shows: trusted,
  lines: [hello, ...startTls, bare, [mail, "454 4.7.0 no authentication requested"]],
});

conversation("69: TLSSrvOptions V, and Srv_Features v: the trusted certificate is asked for after all", {
  access: "TLS_Clt:laptop.example VERIFY\nSrv_Features:laptop.example v",
  mc: "define(`confTLS_SRV_OPTIONS',`V')dnl\n",
  shows: trusted,
  lines: [hello, ...startTls, hello, taken],
});

conversation("70: PERM+VERIFY, an untrusted certificate; 25 commands are refused, the next ends the connection", {
  access: "TLS_Clt:laptop.example PERM+VERIFY",
  shows: stranger,
  lines: [
    hello,
    ...startTls,
    bare,
    ...Array.from({ length: 25 }, () => [mail, "503 5.7.0 authentication failed"] as const),
    [mail, "421 4.7.0"],
    ["NOOP", "closed"],
  ],
});

conversation("67: VERIFY, no client certificate: 25 refused commands, of which none is the client's slip, are enough", {
  access: "TLS_Clt:laptop.example VERIFY",
  lines: [
    hello,
    ...startTls,
    ...Array.from({ length: 25 }, () => [mail, "454 4.7.0 not authenticated"] as const),
    [mail, "421 4.7.0"],
    ["NOOP", "closed"],
  ],
});

conversation("71: PERM+VERIFY:112+CN, the certificate of another host", {
  access: "TLS_Clt:laptop.example PERM+VERIFY:112+CN",
  from: "127.0.1.2",
  shows: trusted,
  lines: [hello, ...startTls, [mail, "503 5.7.0 CN pc.laptop.example does not match pc2.laptop.example"]],
});

conversation("72: a forged name is none", {
  access: "TLS_Clt:laptop.example PERM+ENCR:112",
  from: "127.0.1.3",
  lines: [hello, taken],
});

conversation("73: a default for all, for the null sender too", {
  access: "TLS_Clt: ENCR:128",
  from: "127.0.1.9",
  lines: [hello, ["MAIL FROM:<>", "454 4.7.0 encryption too weak 0 less than 128"]],
});

conversation("74: the sender's domain plays no part", {
  access: "TLS_Clt:sender.example ENCR:128",
  from: "127.0.1.4",
  lines: [hello, taken],
});

conversation("75: delay_checks: MAIL is taken, each RCPT refused", {
  access: "TLS_Clt:laptop.example PERM+ENCR:112\nTo:far.example RELAY",
  mc: "FEATURE(`delay_checks')dnl\n",
  lines: [
    hello,
    taken,
    [relayed, "503 5.7.0 encryption too weak 0 less than 112"],
    ["RSET", "250"],
    ...startTls,
    taken,
  ],
});

conversation("75: delay_checks: who may not relay is told that first", {
  access: "TLS_Clt:laptop.example PERM+ENCR:112\nConnect:laptop.example REJECT",
  mc: "FEATURE(`delay_checks')dnl\n",
  lines: [hello, taken, [relayed, "550 5.7.1 Relaying denied"]],
});

conversation("10: a client that DNS cannot name now is refused for now where names may relay", {
  access: "Connect:friend.example RELAY",
  from: "127.0.1.5",
  lines: [hello, taken, [relayed, "450 4.4.0"]],
});

conversation("75: delay_checks: inside TLS a client is told at once", {
  access: "TLS_Clt:laptop.example VERIFY",
  mc: "FEATURE(`delay_checks')dnl\n",
  lines: [hello, ...startTls, bare, [mail, "454 4.7.0 not authenticated"]],
});

conversation("76: Srv_Features S: no STARTTLS", {
  access: "Srv_Features:laptop.example S",
  lines: [
    ["EHLO x.example", /^250 (?!.*STARTTLS)/],
    ["STARTTLS", "503 5.5.0 TLS not available"],
  ],
});

conversation("77: the key is missing: no STARTTLS for now", {
  access: "",
  without: "/tls/server.key",
  lines: [["EHLO x.example", /^250 (?!.*STARTTLS)/], ["STARTTLS", "454 4.3.3 TLS not available after start"], taken],
});

const issuer = "/C=CH/O=Clinic+20Mail/CN=Root+20+28test+29";

conversation("78: CertIssuer RELAY: a trusted certificate of that issuer relays", {
  access: `CertIssuer:${issuer} RELAY`,
  shows: trusted,
  lines: [hello, ...startTls, hello, taken, [relayed, "250 2.1.5"]],
});

conversation("78: CertIssuer RELAY: without a certificate nobody relays", {
  access: `CertIssuer:${issuer} RELAY`,
  lines: [hello, ...startTls, hello, taken, [relayed, "550 5.7.1"]],
});

conversation("79: CertIssuer SUBJECT without an entry for the subject", {
  access: `CertIssuer:${issuer} SUBJECT\nCertSubject:/CN=somebody+20else RELAY`,
  shows: trusted,
  lines: [hello, ...startTls, hello, taken, [relayed, "550 5.7.1"]],
});

conversation("79: CertIssuer SUBJECT with it", {
  access: `CertIssuer:${issuer} SUBJECT\nCertSubject:/O=Partner+20Ltd/CN=PC.laptop.example RELAY`,
  shows: trusted,
  lines: [hello, ...startTls, hello, taken, [relayed, "250 2.1.5"]],
});

conversation("4.4: STARTTLS with an argument, in a transaction, twice, and MAIL behind it without EHLO", {
  access: "To:far.example RELAY",
  lines: [
    hello,
    ["STARTTLS now", "501 5.5.2 Syntax error (no parameters allowed)"],
    taken,
    ["STARTTLS", "503 5.5.0 TLS not permitted during a mail transaction"],
    ["RSET", "250"],
    ...startTls,
    taken,
    ["STARTTLS", "454 4.3.3 TLS not available after start"],
    [relayed, "250 2.1.5"],
  ],
});

conversation("4.4: what is sent behind STARTTLS in clear is forgotten", {
  access: "",
  lines: [
    hello,
    ["STARTTLS\r\nRSET", "220 2.0.0"],
    ["(handshake)", "handshake"],
    ["NOOP", "250 2.0.0"],
    ["QUIT", "221"],
  ],
});

conversation("6.1: Srv_Features temp: come back later", {
  access: "Srv_Features:laptop.example temp",
  lines: [bare, [mail, "450 4.3.0 Please try again later."], ["STARTTLS", "450 4.3.0"], ["NOOP", "250"]],
});

conversation("6.1: Srv_Features l: who sends must log in", {
  access: "Srv_Features:laptop.example l",
  lines: [hello, [mail, "530 5.7.0 Authentication required"], ["AUTH EXTERNAL =", "503 5.3.3 AUTH not available"]],
});

conversation("Connect: a client that is turned away", {
  access: "Connect:laptop.example ERROR:5.7.1:550 go away",
  lines: [bare, [mail, "550 5.7.1 go away"], ["STARTTLS", "550 5.7.1 go away"], ["WHAT", "500 5.5.1"], ["QUIT", "221"]],
});

conversation("Connect: a 421 ends the connection", {
  access: "Connect:laptop.example ERROR:4.2.1:421 not now",
  greeting: "421 4.2.1 not now",
  lines: [["EHLO x.example", "closed"]],
});

conversation("Connect: under delay_checks it is told at RCPT", {
  access: "Connect:laptop.example REJECT\nTo:far.example RELAY",
  mc: "FEATURE(`delay_checks')dnl\n",
  lines: [hello, taken, [relayed, "550 5.7.1"], ["RCPT TO:<x@else.example>", "550 5.7.1"]],
});

conversation("Connect: RELAY lets a network and a name send to anywhere", {
  access: "Connect:127.0.9 RELAY\nlaptop.example RELAY",
  from: "127.0.9.77",
  lines: [hello, taken, [relayed, "250 2.1.5"]],
});

conversation("80: TLS 1.3, no client certificate, taken", {
  access: "To:far.example RELAY",
  lines: [
    hello,
    ...startTls,
    hello,
    taken,
    [relayed, "250 2.1.5"],
    ["DATA", "354"],
    ["Subject: x\r\n\r\nx\r\n.", "250"],
  ],
});

test("sendmail M=s: a client that begins its handshake while its name is looked up is heard", async () => {
  const name = Promise.withResolvers<ClientName>();
  const mc = `FEATURE(\`access_db')dnl\n${tlsLines}DAEMON_OPTIONS(\`Port=465, Name=TLS, M=s')dnl\n`;
  const texts = { ...files, "/mc": mc, "/access": "TLS_Clt:laptop.example VERIFY\n" };
  await using listening = await startListeners({
    settings: settingsFor({ access: "/access", mc: "/mc" }, filesOf(texts)),
    clientName: () => name.promise,
    anywhere: true,
  });
  const socket = connect({ host: "127.0.0.1", port: listening.ports.get("TLS") ?? 0, localAddress: laptop });
  await once(socket, "connect");
  const voice = new Voice(socket, trusted);
  const handshake = voice.handshake();
  // Both ends are in this process: within a few turns its first octets are read.
  for (let turn = 0; turn < 20; turn++) await setImmediate();
  name.resolve({ kind: "verified", name: domain("pc.laptop.example") });
  assert.equal((await handshake).kind, "handshake");
  assert.match(await heardText(voice), /^220 /);
  voice.end();
});
