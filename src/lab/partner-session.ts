/**
 * One connection to a scripted host (`partner-host.ts`): reads lines and bodies, answers as the script says, records.
 */
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import {
  type PartnerAnswer,
  type PartnerConnection,
  type PartnerMessage,
  type PartnerMoment,
  type PartnerOptions,
  usualKeywords,
} from "./partner-script.ts";

const usualReplies: Readonly<Partial<Record<PartnerMoment, string>>> = {
  HELO: "250 partner",
  MAIL: "250 2.1.0 sender ok",
  RCPT: "250 2.1.5 recipient ok",
  DATA: "354 go ahead",
  message: "250 2.0.0 taken",
  RSET: "250 2.0.0 reset",
  NOOP: "250 2.0.0 ok",
  QUIT: "221 2.0.0 bye",
};

const outOfOrder = "503 5.5.1 not now";
const endOfData = Buffer.from("\r\n.\r\n");

type Reading = Readonly<{ kind: "commands" }> | Readonly<{ kind: "data" }> | Readonly<{ kind: "chunk"; last: boolean }>;

export class PartnerSession {
  readonly ended: Promise<PartnerConnection>;
  readonly #options: PartnerOptions;
  readonly #context: SecureContext | undefined;
  readonly #messages: PartnerMessage[];
  readonly #hostname: string;
  readonly #raw: Socket;
  #socket: Socket;
  #secure: TLSSocket | undefined;
  #clear: Buffer[] = [];
  #decrypted: Buffer[] = [];
  #serverName: string | undefined;
  #clientCertificate: Uint8Array | undefined;
  #reset = false;
  #input = Buffer.alloc(0);
  /** Received behind `#input` and not looked at yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Last octets of the data so far. */
  #tail = Buffer.alloc(0);
  #reading: Reading = { kind: "commands" };
  #chunkBytes = 0;
  #silent = false;
  #dropping = false;
  #unsent = 0;
  #mail = "";
  #rcpt: string[] = [];
  #body: Buffer[] = [];

  constructor(socket: Socket, options: PartnerOptions, context: SecureContext | undefined, messages: PartnerMessage[]) {
    this.#raw = socket;
    this.#socket = socket;
    this.#options = options;
    this.#context = context;
    this.#messages = messages;
    this.#hostname = options.hostname ?? "partner.example.net";
    this.ended = new Promise((resolve) => {
      socket.on("close", () => resolve(this.#record()));
    });
    socket.on("error", () => this.#noteReset());
    if (options.tls.mode === "implicit") this.#handshakeAs();
    else {
      this.#readClear();
      this.#greet();
    }
  }

  #greet(): void {
    this.#answer("greeting", "", `220 ${this.#hostname} ESMTP`);
  }

  #readClear(): void {
    this.#raw.on("data", this.#onClear);
  }

  readonly #onClear = (chunk: Buffer): void => {
    this.#clear.push(chunk);
    this.#take(chunk);
  };

  #take(chunk: Buffer): void {
    if (this.#silent) return;
    this.#held.push(chunk);
    if (!this.#worthReading(chunk)) return;
    this.#input = Buffer.concat([this.#input, ...this.#held]);
    this.#held = [];
    while (this.#step());
  }

  /** A large body is joined once, when its end has come. */
  #worthReading(chunk: Buffer): boolean {
    this.#heldBytes += chunk.length;
    if (this.#reading.kind === "chunk") return this.#heldBytes >= this.#chunkBytes;
    if (this.#reading.kind === "commands") return true;
    const seam = Buffer.concat([this.#tail, chunk]);
    this.#tail = seam.subarray(-4);
    return seam.includes(endOfData);
  }

  /** @returns true when something was read, and more may be there. */
  #step(): boolean {
    switch (this.#reading.kind) {
      case "commands":
        return this.#readCommand();
      case "data":
        return this.#readData();
      case "chunk":
        return this.#readChunk(this.#reading.last);
    }
  }

  #readCommand(): boolean {
    const end = this.#input.indexOf("\r\n");
    if (end < 0 || this.#silent) return false;
    const line = this.#input.subarray(0, end).toString("utf8");
    this.#input = this.#input.subarray(end + 2);
    this.#obey(line);
    return true;
  }

  #obey(line: string): void {
    const verb = line.split(" ", 1)[0]?.toUpperCase() ?? "";
    switch (verb) {
      case "EHLO":
        this.#answer("EHLO", line, this.#ehloReply());
        break;
      case "STARTTLS":
        this.#starttls(line);
        break;
      case "MAIL":
        if (this.#answer("MAIL", line) === "2") this.#begin(line);
        break;
      case "RCPT":
        if (this.#answer("RCPT", line, this.#mail === "" ? outOfOrder : undefined) === "2") this.#rcpt.push(line);
        break;
      case "DATA":
        if (this.#answer("DATA", line, this.#mail === "" ? outOfOrder : undefined) === "3")
          this.#reading = { kind: "data" };
        break;
      case "BDAT":
        this.#startChunk(line);
        break;
      case "QUIT":
        this.#answer("QUIT", line);
        this.#socket.end();
        break;
      case "HELO":
      case "RSET":
      case "NOOP":
        if (verb === "RSET") this.#mail = "";
        this.#answer(verb, line);
        break;
      default:
        this.#say("500 5.5.2 what?");
    }
  }

  #begin(line: string): void {
    this.#mail = line;
    this.#rcpt = [];
    this.#body = [];
  }

  #ehloReply(): string {
    const { keywords = usualKeywords, tls } = this.#options;
    const offered = tls.mode === "starttls" && this.#secure === undefined ? [...keywords, "STARTTLS"] : keywords;
    const lines = [this.#hostname, ...offered];
    return lines.map((line, at) => `250${at === lines.length - 1 ? " " : "-"}${line}`).join("\r\n");
  }

  /** The CR LF of the DATA line stands for the one before a dot on the first line. */
  #readData(): boolean {
    const input = Buffer.concat([Buffer.from("\r\n"), this.#input]);
    const end = input.indexOf(endOfData);
    this.#tail = input.subarray(-4);
    if (end < 0) return false;
    const stuffed = input.subarray(0, end + 2).toString("latin1");
    this.#input = input.subarray(end + endOfData.length);
    this.#reading = { kind: "commands" };
    this.#body = [Buffer.from(stuffed.replaceAll("\r\n.", "\r\n").slice(2), "latin1")];
    this.#finish("DATA");
    return true;
  }

  #startChunk(line: string): void {
    const [, size = "0", last] = line.split(" ");
    this.#chunkBytes = Number(size);
    this.#reading = { kind: "chunk", last: last?.toUpperCase() === "LAST" };
  }

  #readChunk(last: boolean): boolean {
    this.#heldBytes = this.#input.length;
    if (this.#input.length < this.#chunkBytes) return false;
    this.#body.push(this.#input.subarray(0, this.#chunkBytes));
    this.#input = this.#input.subarray(this.#chunkBytes);
    this.#reading = { kind: "commands" };
    if (last) this.#finish("BDAT");
    else this.#answer("BDAT", "", "250 2.0.0 chunk taken");
    return true;
  }

  #finish(by: "DATA" | "BDAT"): void {
    const message = {
      mail: this.#mail,
      rcpt: this.#rcpt,
      body: Buffer.concat(this.#body),
      by,
      inTls: this.#secure !== undefined,
    };
    const accepted = this.#answer("message", "") === "2";
    if (accepted && message.rcpt.length > 0) this.#messages.push(message);
    this.#mail = "";
  }

  /** @returns the first digit of the reply that was given; empty when the answer was something else. */
  #answer(moment: PartnerMoment, line: string, usual = usualReplies[moment] ?? "250 ok"): string {
    const script = this.#options.answers?.[moment];
    const scripted = typeof script === "function" ? script(line, this.#secure !== undefined) : script;
    return this.#give(scripted ?? usual);
  }

  #give(answer: PartnerAnswer): string {
    if (answer === "drop") this.#drop();
    else if (answer === "stall") this.#silent = true;
    else if (typeof answer === "string") this.#say(answer);
    else this.#write(answer.octets);
    return typeof answer === "string" && /^[2-5]/.test(answer) ? answer.slice(0, 1) : "";
  }

  #say(reply: string): void {
    this.#write(`${reply}\r\n`);
  }

  #write(octets: string | Uint8Array): void {
    this.#unsent += 1;
    this.#socket.write(octets, () => {
      this.#unsent -= 1;
      if (this.#dropping && this.#unsent === 0) this.#raw.destroy();
    });
  }

  /** The connection ends behind the replies that were given. */
  #drop(): void {
    this.#silent = true;
    this.#dropping = true;
    if (this.#unsent === 0) this.#raw.destroy();
  }

  #starttls(line: string): void {
    const { tls } = this.#options;
    if (tls.mode !== "starttls" || this.#secure !== undefined) {
      this.#say("502 5.5.1 not here");
      return;
    }
    const handshake = tls.handshake ?? { kind: "shake-hands" };
    switch (handshake.kind) {
      case "refuse":
        this.#say(handshake.reply);
        break;
      case "drop-before-reply":
        this.#drop();
        break;
      case "inject":
        this.#inject(handshake.lines, handshake.segment);
        break;
      default:
        if (this.#answer("STARTTLS", line, "220 2.0.0 go ahead") === "2") this.#handshakeAs();
    }
  }

  #inject(lines: string, segment: "same" | "later"): void {
    if (segment === "same") {
      this.#raw.write(`220 2.0.0 go ahead\r\n${lines}`);
      this.#shakeHands();
      return;
    }
    this.#say("220 2.0.0 go ahead");
    this.#silent = true;
    this.#raw.once("data", () => this.#raw.write(lines));
  }

  #handshakeAs(): void {
    const { tls } = this.#options;
    const kind = tls.mode === "none" ? "shake-hands" : (tls.handshake?.kind ?? "shake-hands");
    switch (kind) {
      case "drop":
        this.#silent = true;
        this.#raw.once("data", () => this.#raw.destroy());
        this.#raw.resume();
        return;
      case "garbage":
        this.#silent = true;
        this.#raw.once("data", () => this.#raw.write("this is no TLS record, nor will it ever be one\r\n"));
        return;
      case "stall":
        this.#silent = true;
        return;
      default:
        this.#shakeHands();
    }
  }

  #shakeHands(): void {
    const { tls } = this.#options;
    if (tls.mode === "none" || this.#context === undefined) throw new Error("no certificate");
    this.#raw.off("data", this.#onClear);
    const wanted = tls.clientCertificate?.wanted;
    const secure = new TLSSocket(this.#raw, {
      isServer: true,
      secureContext: this.#context,
      requestCert: wanted !== undefined,
      rejectUnauthorized: wanted === "required",
      SNICallback: (name, done) => {
        this.#serverName = name;
        done(null, this.#context);
      },
    });
    this.#secure = secure;
    this.#socket = secure;
    this.#input = Buffer.alloc(0);
    this.#mail = "";
    secure.on("error", () => this.#noteReset());
    secure.on("data", (chunk: Buffer) => {
      this.#decrypted.push(chunk);
      this.#take(chunk);
    });
    secure.on("end", () => secure.end());
    secure.once("secure", () => {
      this.#clientCertificate = secure.getPeerX509Certificate()?.raw;
      if (tls.mode === "implicit") this.#greet();
    });
  }

  #noteReset(): void {
    this.#reset = true;
    this.#raw.destroy();
  }

  #record(): PartnerConnection {
    return {
      clear: Buffer.concat(this.#clear),
      decrypted: Buffer.concat(this.#decrypted),
      serverName: this.#serverName,
      clientCertificate: this.#clientCertificate,
      endedInOrder: !this.#reset,
    };
  }
}
