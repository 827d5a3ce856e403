/**
 * The kinds of message that have to arrive byte for byte, and how an arrived one is compared.
 */

/** How a message is handed in: `parameters` as they stand in MAIL and RCPT. */
export type Sample = Readonly<{
  kind: string;
  /** CR LF line endings, as on the wire before dot-stuffing. */
  content: Buffer;
  by: "DATA" | "BDAT";
  mailParameters: string;
  /** The local part of its recipient, so that arrivals are told apart. */
  localPart: string;
  smtputf8: boolean;
}>;

const header = (kind: string) =>
  `From: <sender@home.test>\r\nTo: <${kind}@example.test>\r\nSubject: ${kind}\r\nMessage-ID: <${kind}@home.test>\r\n` +
  "Date: Sat, 01 Jan 2022 00:00:00 +0000\r\n";
const mime = (type: string, encoding: string) =>
  `MIME-Version: 1.0\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
const eightBitHeader = (kind: string) => `${header(kind)}${mime("text/plain; charset=utf-8", "8bit")}\r\n`;

function sample(kind: string, content: Buffer, change: Partial<Sample> = {}): Sample {
  return { kind, content, by: "DATA", mailParameters: "", localPart: kind, smtputf8: false, ...change };
}

function text(kind: string, body: string): Buffer {
  return Buffer.from(`${header(kind)}\r\n${body}`);
}

/** Octets 1 to 255 but CR and LF, in lines of at most 900; LF stands only after CR (RFC 6152). */
function binary(): Buffer {
  const octets = Array.from({ length: 255 }, (_, index) => index + 1).filter((octet) => octet !== 10 && octet !== 13);
  const line = Buffer.concat([Buffer.from(octets.slice(0, 46)), Buffer.from(octets), Buffer.from("\r\n")]);
  // A chunk may hold what would end DATA.
  return Buffer.concat([
    Buffer.from(eightBitHeader("binary")),
    ...Array(50).fill(line),
    Buffer.from(".\r\n..\r\nend\r\n"),
  ]);
}

const dots = [".", "..", "...", ".hidden", "..hidden", ". ", "x.", ".\t", "", "."]
  .map((line) => `${line}\r\n`)
  .join("");
const megabytes = 25;

export const samples: readonly Sample[] = [
  sample("plain", text("plain", "One line.\r\n")),
  sample("eight-bit", Buffer.from(`${eightBitHeader("eight-bit")}Grüße, 日本語, Ωmega\r\n`), {
    mailParameters: " BODY=8BITMIME",
  }),
  sample("utf8-address", Buffer.from(`${eightBitHeader("utf8-address")}To an address in UTF-8.\r\n`), {
    mailParameters: " BODY=8BITMIME SMTPUTF8",
    localPart: "büro",
    smtputf8: true,
  }),
  sample("large", text("large", `${"0123456789abcdef".repeat(4)}\r\n`.repeat((megabytes * 1024 * 1024) / 66))),
  sample("empty", Buffer.from(`${header("empty")}\r\n`)),
  sample("dots", text("dots", dots)),
  sample("long-lines", text("long-lines", `${"x".repeat(997)}\r\n${"y".repeat(998)}\r\n${"z".repeat(60_000)}\r\n`)),
  sample("no-header", Buffer.from("This message has no header at all,\r\nnot even an empty line.\r\n")),
  sample("binary", binary(), { by: "BDAT", mailParameters: " BODY=8BITMIME" }),
  sample("dsn", text("dsn", "With a receipt.\r\n"), { mailParameters: " RET=HDRS ENVID=interop+2Bdsn" }),
];

const traceFields =
  /^(?:(?:Received|Return-Path|Delivered-To|X-Original-To|Envelope-to|Delivery-date):[^\n]*\n(?:[ \t][^\n]*\n)*)+/;

/**
 * What came, without the trace that the way put before it (RFC 5321 §4.4), with CR LF again. Mail servers store
 * messages with LF; and a message without a header gets the empty line that ends its trace fields, which is not part
 * of it.
 */
export function withoutTrace(stored: Buffer, { kind }: Sample): string {
  const local = stored.toString("latin1").replace(traceFields, "");
  return (kind === "no-header" ? local.replace(/^\n/, "") : local).replaceAll("\n", "\r\n");
}
