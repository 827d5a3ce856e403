/**
 * One message while it arrives, from DATA or BDAT alike: checks it, counts what later steps need to know, keeps it.
 *
 *     octets -> size -> line ends -> line lengths -> header section -> memory, or a spool file above `maxMemoryBytes`
 *
 * Promises: nothing of a refused message is kept, and refusing waits for the true end of data (LN-3, EX-17);
 * octets that are kept are those that came, but for header fields that are wanted and to be removed and, under `normalize`, bare LF (TR-6);
 * a message that begins with a blank gets an empty line before it, or it would go on our `Received` field (TR-8, AT-28);
 * NUL is kept byte for byte (LN-4).
 * Memory held for one message: at most `maxMemoryBytes` + `SPOOL_BACKLOG_BYTES` + `maxHeaderBytes` and one read, as
 * long as the caller stops reading while `backlogged`.
 */
import { isAscii } from "node:buffer";
import path from "node:path";
import type { Body, BodyFacts } from "../../mail/body.ts";
import type { Reply } from "../../mail/reply.ts";
import { ChunkList } from "./chunk-list.ts";
import { HeaderSection, type HeadersWanted } from "./header-section.ts";
import { LineLengths } from "./line-lengths.ts";
import { NewlineCheck } from "./newlines.ts";
import type { ReceiverOptions } from "./receiver.ts";
import { replies } from "./replies.ts";
import { SpoolFile } from "./spool-file.ts";

/** The socket is not read while more than this waits for the disk. */
export const SPOOL_BACKLOG_BYTES = 1024 * 1024;

export type IntakeOptions = Pick<ReceiverOptions, "limits" | "bareNewline" | "spoolDirectory"> &
  Readonly<{ wanted: HeadersWanted }>;

export type IntakeResult =
  | Readonly<{ kind: "message"; body: Body; facts: BodyFacts; headers: ReadonlyMap<string, string> }>
  | Readonly<{ kind: "refused"; reply: Reply }>;

export class MessageIntake {
  readonly #options: IntakeOptions;
  readonly #id: string;
  readonly #onDrain: () => void;
  readonly #newlines: NewlineCheck;
  readonly #lines: LineLengths;
  readonly #header: HeaderSection;
  readonly #memory = new ChunkList();
  #spool: SpoolFile | undefined;
  #refusal: Reply | undefined;
  /** Octets as they count for SIZE (EX-5), and as they are kept. */
  #receivedBytes = 0;
  #keptBytes = 0;
  #has8bit = false;
  #lastTwo = "";

  /**
   * @param received our own field, which goes on top
   * @param onDrain called when a backlog is gone
   */
  constructor(id: string, received: Buffer, options: IntakeOptions, onDrain: () => void) {
    this.#id = id;
    this.#options = options;
    this.#onDrain = onDrain;
    this.#newlines = new NewlineCheck(options.bareNewline);
    this.#lines = new LineLengths(options.limits.maxLineBytes);
    this.#header = new HeaderSection({
      maxBytes: options.limits.maxHeaderBytes,
      wanted: options.wanted,
    });
    this.#keep(received);
  }

  /** The disk lags: read no more until `onDrain`. */
  get backlogged(): boolean {
    return this.#spool !== undefined && this.#spool.pendingBytes > SPOOL_BACKLOG_BYTES;
  }

  /** Why the message will be refused, as far as is known by now. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** Octets of this message held in memory now. */
  get heldBytes(): number {
    return this.#spool === undefined ? this.#keptBytes : this.#spool.pendingBytes;
  }

  /** Takes the next octets of the message, dots already unstuffed. */
  write(bytes: Buffer): void {
    const isFirst = this.#receivedBytes === 0;
    this.#receivedBytes += bytes.length;
    if (this.#refusal !== undefined || bytes.length === 0) return;
    if (isFirst && (bytes[0] === 32 || bytes[0] === 9)) this.#take(Buffer.from("\r\n"));
    const { maxMessageBytes } = this.#options.limits;
    const clean = this.#newlines.check(bytes);
    if (maxMessageBytes > 0 && this.#receivedBytes > maxMessageBytes) this.#refuse(replies.messageTooBig);
    else if (clean === undefined) this.#refuse(replies.bareNewline);
    else if (!this.#lines.fits(clean)) this.#refuse(replies.dataLineTooLong);
    else this.#take(clean);
  }

  #take(clean: Buffer): void {
    if (!this.#has8bit) this.#has8bit = !isAscii(clean);
    if (this.#header.done) {
      this.#keep(clean);
      return;
    }
    this.#keepAll(this.#header.push(clean));
    if (this.#header.tooBig) this.#refuse(replies.headerTooBig);
  }

  /** The message is complete. Waits for the disk if it went there. */
  async finish(): Promise<IntakeResult> {
    if (this.#refusal === undefined) this.#lastChecks();
    if (this.#refusal === undefined && this.#spool !== undefined) {
      const error = await this.#spool.finish();
      if (error !== undefined) this.#refuse(replies.storageFull);
    }
    if (this.#refusal !== undefined) {
      this.discard();
      return { kind: "refused", reply: this.#refusal };
    }
    return { kind: "message", body: this.#body(), facts: this.#facts(), headers: this.#header.values };
  }

  /** Forgets the message, and its file if there is one. Safe at any time, also twice. */
  discard(): void {
    this.#refusal ??= replies.acceptFailed;
    this.#memory.take();
    void this.#spool?.remove();
    this.#spool = undefined;
  }

  #lastChecks(): void {
    this.#keepAll(this.#header.end());
    if (this.#newlines.endsInCr) this.#refuse(replies.bareNewline);
    else if (this.#header.tooBig) this.#refuse(replies.headerTooBig);
    else if (this.#header.receivedCount > this.#options.limits.maxReceivedFields) this.#refuse(replies.routingLoop);
  }

  #refuse(reply: Reply): void {
    this.#refusal = reply;
    this.discard();
  }

  #keepAll(parts: readonly Buffer[]): void {
    for (const part of parts) this.#keep(part);
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#keptBytes += bytes.length;
    this.#lastTwo =
      bytes.length > 1
        ? bytes.toString("latin1", bytes.length - 2)
        : this.#lastTwo.slice(-1) + bytes.toString("latin1");
    if (this.#spool !== undefined) {
      this.#spool.write(bytes);
      return;
    }
    this.#memory.append(bytes);
    if (this.#keptBytes > this.#options.limits.maxMemoryBytes) this.#moveToDisk();
  }

  #moveToDisk(): void {
    this.#spool = new SpoolFile(path.join(this.#options.spoolDirectory, `${this.#id}.body`), this.#onDrain);
    for (const chunk of this.#memory.take()) this.#spool.write(chunk);
  }

  #body(): Body {
    const sizeBytes = this.#keptBytes;
    if (this.#spool !== undefined) return { kind: "file", sizeBytes, path: this.#spool.path };
    return { kind: "memory", sizeBytes, chunks: this.#memory.take() };
  }

  #facts(): BodyFacts {
    return {
      has8bit: this.#has8bit,
      hasUtf8Header: this.#header.hasUtf8,
      receivedCount: this.#header.receivedCount,
      endsWithCrlf: this.#lastTwo === "\r\n",
    };
  }
}
