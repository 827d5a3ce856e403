/**
 * Runs the SMTP conversations of test/dialogues/*.txt against a receiver.
 *
 *     # text            a comment; the first one names the test and the checks it covers
 *     ! key value       a setting of the receiver (see `settingOf`)
 *     C: text           the client says a line; CR LF is added
 *     R: text           raw octets, nothing added
 *     D: text           raw octets, each in a write of its own
 *     S: text           the server's next line, literally; or /a regular expression/
 *     A: F -> T: text   a message was accepted: sender, recipients, body without our Received field
 *     HELLO             greeting and EHLO, whatever their text
 *     TLS               the client does its handshake
 *     END               the client closes its side
 *     CLOSE             the server has closed
 *     WAIT n            n seconds go by
 *
 * Neighbouring C: and R: lines are one write; an empty line between them makes two. \r \n \0 \t \\ \xNN are octets.
 * At the end of the file nothing more may have been said or accepted.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { reply } from "../src/mail/reply.ts";
import type { ReceivedMail } from "../src/smtp/server/receiver.ts";
import { bodyText, type OpenReceiver, openReceiver, type ReceiverChange } from "./receiver-lab.ts";
import { TestClient } from "./smtp-client.ts";

type Step = Readonly<{ line: number; word: string; text: string }>;

const folder = path.join(import.meta.dirname, "dialogues");
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

for (const file of files) {
  const source = readFileSync(path.join(folder, file), "utf8");
  const title = /^# (.*)$/m.exec(source)?.[1] ?? "no title";
  test(`${file}: ${title}`, { timeout: 20_000 }, () => play(parse(file, source), file));
}

test("there are enough dialogues", () => assert.ok(files.length >= 40));

function parse(file: string, source: string): Step[] {
  return source.split("\n").flatMap((text, index): Step[] => {
    const line = index + 1;
    if (text.startsWith("#")) return [];
    if (text.trim() === "") return [{ line, word: "", text: "" }];
    const match = /^(!|[CRDSA]:|HELLO|TLS|END|CLOSE|WAIT)(?: (.*))?$/.exec(text);
    if (match === null) throw new Error(`${file}:${line}: not a step: ${text}`);
    return [{ line, word: match[1] ?? "", text: match[2] ?? "" }];
  });
}

async function play(steps: readonly Step[], file: string): Promise<void> {
  const change: ReceiverChange = {};
  for (const { word, text } of steps) if (word === "!") Object.assign(change, settingOf(octets(text), change));
  await using lab = await openReceiver(change);
  using client = new TestClient(lab.receiver.port);
  let unsent = "";
  let accepted = 0;
  for (const step of steps) {
    const where = `${file}:${step.line}`;
    if (step.word === "C:") unsent += `${octets(step.text)}\r\n`;
    else if (step.word === "R:") unsent += octets(step.text);
    else {
      if (unsent !== "") await client.send(unsent);
      unsent = "";
      if (step.word === "A:") assert.equal(shown(lab.mails[accepted++]), step.text, where);
      else await act(step, where, client, lab);
    }
  }
  await client.send(unsent);
  client.end();
  assert.equal(await client.rest(), "", `${file}: more was said`);
  assert.equal(lab.mails.length, accepted, `${file}: more was accepted`);
}

async function act({ word, text }: Step, where: string, client: TestClient, lab: OpenReceiver): Promise<void> {
  if (word === "S:") expectLine(await client.line(), text, where);
  else if (word === "D:") await client.drip(octets(text));
  else if (word === "HELLO") await hello(client, where);
  else if (word === "TLS") await client.startTls();
  else if (word === "END") client.end();
  else if (word === "CLOSE") assert.equal(await client.rest(), "", where);
  else if (word === "WAIT") {
    await new Promise(setImmediate);
    lab.clock.move(Number(text) * 1000);
  } else if (word === "") await new Promise(setImmediate);
}

async function hello(client: TestClient, where: string): Promise<void> {
  assert.match(await client.reply(), /^220 /, where);
  assert.match(await client.say("EHLO client.example"), /^250-/, where);
}

function expectLine(line: string | undefined, expected: string, where: string): void {
  const pattern = /^\/(.*)\/$/.exec(expected)?.[1];
  if (pattern === undefined) assert.equal(line, expected, where);
  else assert.match(line ?? "(closed)", new RegExp(pattern), where);
}

/** The octets of a step, one character each: text in UTF-8, escapes as they say. */
function octets(text: string): string {
  const utf8 = Buffer.from(text, "utf8").toString("latin1");
  return utf8.replace(/\\(?:x([0-9a-f]{2})|([rn0t\\]))/gi, (_, hex?: string, letter?: string) =>
    hex === undefined ? (letters.get(letter ?? "") ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function shown(mail: ReceivedMail | undefined): string {
  if (mail === undefined) return "(nothing)";
  const { sender, recipients } = mail.envelope;
  const to = recipients.map(({ mailbox }) => `<${mailbox.text}>`).join(" ");
  const body = bodyText(mail).replace(/[^ -[\]-~]/g, (octet) => {
    const letter = [...letters].find(([, meant]) => meant === octet)?.[0];
    return letter === undefined ? `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}` : `\\${letter}`;
  });
  return `<${sender.mailbox?.text ?? ""}> -> ${to}: ${body}`;
}

function settingOf(text: string, { limits = {}, led = {} }: ReceiverChange): ReceiverChange {
  const [key = "", ...words] = text.split(" ");
  const value = words.join(" ");
  if (key in limitNames) return { limits: { ...limits, [limitNames[key as keyof typeof limitNames]]: Number(value) } };
  switch (key) {
    case "tls":
      return value === "implicit"
        ? { implicitTls: true }
        : { led: { ...led, starttls: value === "none" ? "never" : "offer" } };
    case "require-tls":
      return { led: { ...led, starttls: "require" } };
    case "no-certificate":
      return { led: { ...led, starttls: "unavailable", profile: undefined } };
    case "bare-newline":
      return { bareNewline: value as "reject" | "normalize" };
    case "binding-header":
      return { headersWanted: () => new Map([[value, "remove"]]) };
    case "refuse-client":
      return { checkClient: () => reply(554, undefined, value) };
    case "accept-fails":
      return { accept: () => Promise.reject(new Error("the disk is gone")) };
    case "accept-says":
      return { accept: async () => reply(Number(words[0]), words[1], words.slice(2).join(" ")) };
    default:
      throw new Error(`no such setting: ${key}`);
  }
}

const letters = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["0", "\0"],
  ["t", "\t"],
  ["\\", "\\"],
]);

const limitNames = {
  "max-message": "maxMessageBytes",
  "max-recipients": "maxRecipients",
  "max-line": "maxLineBytes",
  "max-header": "maxHeaderBytes",
  "max-received": "maxReceivedFields",
  "max-errors": "maxErrors",
  "max-commands": "maxCommands",
  "max-connections": "maxConnections",
} as const;
