/**
 * The message itself, onto a connection whose peer has said that it may come.
 *
 * DATA is the rule. BDAT is used where DATA would change the message: a body that does not end in CR LF. Measured, BDAT
 * saves too little to be worth its interoperability risks elsewhere; and written together with the envelope it would
 * make every connection that breaks an uncertain delivery.
 * RFC 5321 §4.1.1.4, RFC 3030 §2; standards.md LN-5 to LN-9, LN-12.
 */
import { type FileHandle, open } from "node:fs/promises";
import { errorText } from "../../mail/error-text.ts";
import { replyClass } from "../../mail/reply.ts";
import type { Conversation } from "./conversation.ts";
import { lost, uncertain } from "./lost.ts";
import type { OutboundMessage, RecipientResult } from "./sender.ts";
import { DotStuffer, hasCleanLines } from "./transparency.ts";

/** A body up to this size is copied into one write. */
const oneWriteBytes = 262_144;
const blockBytes = 65_536;

export function wantsBdat({ body, facts }: OutboundMessage): boolean {
  return body.kind === "memory" && body.sizeBytes > 0 && !facts.endsWithCrlf && hasCleanLines(body.chunks);
}

/** @param dsn the peer was given the DSN parameters. */
export async function sendByData(
  talk: Conversation,
  { body }: OutboundMessage,
  dsn: boolean,
): Promise<RecipientResult> {
  const stuffer = new DotStuffer();
  if (body.kind === "memory" && body.sizeBytes <= oneWriteBytes) {
    const parts = body.chunks.length === 1 ? stuffer.stuff(body.chunks[0] ?? noOctets) : stuffAll(stuffer, body.chunks);
    parts.push(stuffer.end());
    return finish(talk, Buffer.concat(parts), dsn);
  }
  const blocks = body.kind === "memory" ? body.chunks : readBlocks(body.path, body.sizeBytes);
  const last = await stream(talk, stuffer, blocks);
  return last === undefined ? endedEarly(talk) : finish(talk, last, dsn);
}

export function sendByBdat(talk: Conversation, { body }: OutboundMessage, dsn: boolean): Promise<RecipientResult> {
  const chunks = body.kind === "memory" ? body.chunks : [];
  return finish(talk, Buffer.concat([Buffer.from(`BDAT ${body.sizeBytes} LAST\r\n`), ...chunks]), dsn);
}

const noOctets = new Uint8Array(0);

function stuffAll(stuffer: DotStuffer, chunks: readonly Uint8Array[]): Uint8Array[] {
  return chunks.flatMap((chunk) => stuffer.stuff(chunk));
}

/** Writes the octets that end the message, and waits for the peer to take it or not. */
async function finish(talk: Conversation, octets: Uint8Array, dsn: boolean): Promise<RecipientResult> {
  if (talk.broken !== undefined) return lost(talk);
  talk.write(octets);
  const [reply] = await talk.read(1, () => "final-dot");
  if (reply === undefined) return uncertain(talk);
  switch (replyClass(reply)) {
    case "success":
      return { kind: "delivered", reply, dsnPassedOn: dsn };
    case "intermediate":
      talk.reject("a 3yz reply to a whole message");
      return uncertain(talk);
    default:
      return { kind: "refused", stage: "final-dot", reply };
  }
}

type Blocks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes block by block as fast as the peer takes them.
 *
 * @returns the last block with the end of data, not yet written; `undefined` when it came to nothing.
 */
async function stream(talk: Conversation, stuffer: DotStuffer, blocks: Blocks): Promise<Uint8Array | undefined> {
  let held: Uint8Array[] = [];
  talk.enter("body");
  try {
    for await (const block of blocks) {
      for (const part of held) talk.write(part);
      held = stuffer.stuff(block);
      await talk.drain("body");
      if (talk.broken !== undefined || talk.hasReply) return undefined;
    }
  } catch (error) {
    talk.abort(`the message cannot be read (${errorText(error)})`);
    return undefined;
  }
  return Buffer.concat([...held, stuffer.end()]);
}

/** The peer answered, or went, in the middle of the message: no end of data was sent, so nothing was delivered. */
async function endedEarly(talk: Conversation): Promise<RecipientResult> {
  const [reply] = talk.broken === undefined ? await talk.read(1, () => "body") : [];
  const refused = reply !== undefined && reply.code >= 400;
  if (reply !== undefined) talk.reject("a reply in the middle of the message");
  return refused ? { kind: "refused", stage: "body", reply } : lost(talk);
}

/** Throws when the file does not hold what was promised: half a message must never look whole. */
async function* readBlocks(path: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  let length = 0;
  for (;;) {
    const block = await readBlock(file);
    if (block.length === 0) break;
    length += block.length;
    yield block;
  }
  if (length !== sizeBytes) throw new Error(`${length} octets in place of ${sizeBytes}`);
}

async function readBlock(file: FileHandle): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes);
  return buffer.subarray(0, bytesRead);
}
