/**
 * A receiver on loopback for tests: small settings, a clock moved by hand, everything that it accepts and reports kept.
 */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeAuthority } from "../src/lab/certificates.ts";
import type { Clock } from "../src/mail/clock.ts";
import { type Reply, reply } from "../src/mail/reply.ts";
import type { LetterlockEvent } from "../src/observe/events.ts";
import type { Conduct } from "../src/smtp/server/conduct.ts";
import type { ReceivedMail, Receiver, ReceiverLimits, ReceiverOptions, Refusal } from "../src/smtp/server/receiver.ts";
import { sampleConduct } from "../src/smtp/server/session-sample.ts";
import { startReceiver } from "../src/smtp/server/start-receiver.ts";
import type { ServerCredential, ServerTlsProfile } from "../src/tls/server-tls.ts";

/** Time that stands still until it is moved; due timers then run in order. */
export class HandClock implements Clock {
  #now = Date.UTC(2026, 0, 2, 3, 4, 5);
  #timers: { at: number; run: () => void }[] = [];

  now = (): number => this.#now;

  after = (ms: number, run: () => void): { cancel(): void } => {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  };

  move(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = due.at;
      due.run();
    }
    this.#now = end;
  }
}

export type OpenReceiver = AsyncDisposable &
  Readonly<{
    receiver: Receiver;
    clock: HandClock;
    mails: ReceivedMail[];
    events: LetterlockEvent[];
    refusals: Refusal[];
    spoolDirectory: string;
  }>;

const defaultLimits: ReceiverLimits = {
  maxMessageBytes: 1_000_000,
  maxRecipients: 100,
  maxLineBytes: 65536,
  maxMemoryBytes: 262_144,
  maxHeaderBytes: 65536,
  maxReceivedFields: 100,
  maxConnections: 50,
  maxConnectionsPerAddress: 50,
  maxErrors: 20,
  maxCommands: 200,
};

/** `led` changes what every session is offered and told; `conduct` decides it for each. */
export type ReceiverChange = Partial<Omit<ReceiverOptions, "limits">> & {
  limits?: Partial<ReceiverLimits>;
  led?: Partial<Conduct> | undefined;
};

const authority = await makeAuthority();
export const rootPem = authority.certificatePem;

async function credentialFor(name: string): Promise<ServerCredential> {
  const leaf = await authority.issue({ dnsNames: [name] });
  return {
    credentials: [{ name, id: name, certificateChain: leaf.chainPem, privateKey: leaf.privateKeyPem }],
    names: [name],
  };
}

const mx = await credentialFor("mx.example.org");

/** TLS 1.2 and 1.3, the certificate of `mx.example.org`. */
export const profile: ServerTlsProfile = {
  default: mx,
  others: [],
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: undefined,
  groups: undefined,
  clientAnchors: undefined,
};

/** The same with another certificate for `other.example.org` and for one label below `wild.example.org`. */
export const sniProfile: ServerTlsProfile = {
  ...profile,
  others: [await credentialFor("other.example.org"), await credentialFor("*.wild.example.org")],
};

/** Relays to example.org and the postmaster; refuses senders at refused.example. */
export async function openReceiver({ led, limits, ...change }: ReceiverChange = {}): Promise<OpenReceiver> {
  const spoolDirectory = mkdtempSync(path.join(tmpdir(), "letterlock-receiver-"));
  const clock = new HandClock();
  const mails: ReceivedMail[] = [];
  const events: LetterlockEvent[] = [];
  const refusals: Refusal[] = [];
  let ids = 0;
  const receiver = await startReceiver(
    {
      listener: "lab",
      hostname: "mx.example.org",
      implicitTls: false,
      clientName: () => undefined,
      conduct: () => sampleConduct({ profile, ...led }),
      startSasl: (mechanism) => {
        throw new Error(`no ${mechanism} here`);
      },
      maxAuthFailures: 3,
      timeouts: {
        commandMs: 300_000,
        greetingMs: 30_000,
        handshakeMs: 30_000,
        dataBlockMs: 180_000,
        dataTotalMs: 600_000,
        sessionMs: 3_600_000,
      },
      bareNewline: "reject",
      headersWanted: () => new Map(),
      spoolDirectory,
      newId: () => `id${++ids}`,
      checkClient: () => undefined,
      checkSender: (_session, { mailbox }) =>
        mailbox?.host?.kind === "domain" && mailbox.host.domain === "refused.example"
          ? reply(550, "5.7.1", "Sender refused")
          : undefined,
      checkRecipient: (_session, _sender, { host }) =>
        host === undefined || (host.kind === "domain" && host.domain === "example.org")
          ? undefined
          : reply(550, "5.7.1", "Relaying denied"),
      onRefusal: (_session, refusal) => refusals.push(refusal),
      accept: async (mail): Promise<Reply> => {
        mails.push(mail);
        return reply(250, "2.0.0", `Queued as ${mail.id}`);
      },
      ...change,
      limits: { ...defaultLimits, ...limits },
      address: "127.0.0.1",
      port: 0,
      reusePort: false,
    },
    { observe: (event) => events.push(event), clock },
  );
  return {
    receiver,
    clock,
    mails,
    events,
    refusals,
    spoolDirectory,
    async [Symbol.asyncDispose]() {
      const stopped = receiver.stop(0);
      clock.move(1);
      await stopped;
      await rm(spoolDirectory, { recursive: true });
    },
  };
}

/** The body's octets without our own field, one character each. */
export function bodyText({ body }: ReceivedMail): string {
  if (body.kind !== "memory") throw new Error("the message went to a file");
  const text = Buffer.concat(body.chunks).toString("latin1");
  const own = /^Received: .*\r\n(?:\t.*\r\n)*/.exec(text);
  if (own === null) throw new Error("no Received field on top");
  return text.slice(own[0].length);
}
