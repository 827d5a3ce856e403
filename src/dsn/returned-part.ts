/**
 * The part of a notice that gives the message back: its header section, or the whole message where RET=FULL asked for it
 * and it is small enough (standards.md DS-7; AT-31: with a limit of 0 the victim of a forged sender never gets a body).
 * Bytes are not changed; where they do not fit seven bits, the part is encoded, or labelled 8bit where no encoding is
 * allowed (RFC 2046 §5.2.1).
 */
import { open, readFile } from "node:fs/promises";
import type { Body } from "../mail/body.ts";
import { isAscii, type NoticeInput } from "./notice-input.ts";

export type ReturnedPart = Readonly<{
  contentType: "message/rfc822" | "text/rfc822-headers" | "message/global" | "message/global-headers";
  encoding: "7bit" | "8bit" | "quoted-printable" | "base64";
  bytes: Buffer;
}>;

/** A header section is returned up to this, cut at the end of a line. */
const maxHeaderBytes = 64 * 1024;

/** A spool file that cannot be read returns nothing: the notice matters more than what it is about. */
export async function returnedPart({ mail, plan, maxReturnedBytes }: NoticeInput): Promise<ReturnedPart> {
  const isGlobal = mail.sender.smtputf8;
  // RFC 3461 §4.3: RET speaks of failures; any other notice returns headers.
  const isFull = mail.sender.ret === "full" && plan.action === "failed" && mail.body.sizeBytes <= maxReturnedBytes;
  const read = isFull ? readWhole(mail.body) : readStart(mail.body, maxHeaderBytes).then(headerSection);
  const bytes = await read.catch(() => Buffer.alloc(0));
  const isPlain = fitsSevenBits(bytes);
  if (isGlobal) {
    return {
      contentType: isFull ? "message/global" : "message/global-headers",
      encoding: isPlain ? "7bit" : "base64",
      bytes,
    };
  }
  if (isFull) return { contentType: "message/rfc822", encoding: isPlain ? "7bit" : "8bit", bytes };
  return { contentType: "text/rfc822-headers", encoding: isPlain ? "7bit" : "quoted-printable", bytes };
}

/** Up to and with the CR LF of the last header line; cut at a line end when the section goes on. */
function headerSection(start: Buffer): Buffer {
  if (start.indexOf("\r\n") === 0) return Buffer.alloc(0);
  const end = start.indexOf("\r\n\r\n");
  if (end >= 0) return start.subarray(0, end + 2);
  const lastLine = start.lastIndexOf("\r\n");
  return start.length < maxHeaderBytes || lastLine < 0 ? start : start.subarray(0, lastLine + 2);
}

async function readWhole(body: Body): Promise<Buffer> {
  return body.kind === "memory" ? Buffer.concat(body.chunks) : await readFile(body.path);
}

async function readStart(body: Body, bytes: number): Promise<Buffer> {
  if (body.kind === "memory") {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (const chunk of body.chunks) {
      if (size >= bytes) break;
      chunks.push(chunk);
      size += chunk.length;
    }
    return Buffer.concat(chunks).subarray(0, bytes);
  }
  await using file = await open(body.path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** ASCII without NUL or bare CR and LF, no line over 998 octets (RFC 5322 §2.1.1). */
function fitsSevenBits(bytes: Buffer): boolean {
  if (!isAscii(bytes.toString("latin1")) || bytes.includes(0)) return false;
  let start = 0;
  while (start < bytes.length) {
    const cr = bytes.indexOf(0x0d, start);
    const lf = bytes.indexOf(0x0a, start);
    const end = cr < 0 ? bytes.length : cr;
    if (end - start > 998 || (cr < 0 ? lf >= 0 : lf !== cr + 1)) return false;
    start = end + 2;
  }
  return true;
}
