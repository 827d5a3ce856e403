/**
 * What the client's tests share: a certificate, the usual options, a message, a hand-moved clock.
 */
import assert from "node:assert/strict";
import { makeAuthority } from "../../src/lab/certificates.ts";
import type { PartnerHost } from "../../src/lab/partner-host.ts";
import type { IpAddress, Mailbox } from "../../src/mail/address.ts";
import type { Clock } from "../../src/mail/clock.ts";
import { systemClock } from "../../src/mail/clock.ts";
import { domain } from "../../src/mail/domain.ts";
import { openConnection } from "../../src/smtp/client/open-connection.ts";
import {
  defaultTimeouts,
  type OpenOptions,
  type OpenResult,
  type OutboundMessage,
  type RecipientResult,
  type SmtpConnection,
} from "../../src/smtp/client/sender.ts";
import type { HandshakeSettings } from "../../src/tls/handshake-settings.ts";

export const authority = await makeAuthority();
export const certificate = await authority.issue({ dnsNames: ["mx.example.net"] });

export const handshake: HandshakeSettings = {
  serverName: "mx.example.net",
  anchors: { kind: "bundle", id: "lab", pem: [authority.certificatePem], files: [] },
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: undefined,
  groups: undefined,
  credential: undefined,
};

export type OpenChange = Partial<OpenOptions> & { clock?: Clock; signal?: AbortSignal };

export function openTo(host: Pick<PartnerHost, "address" | "port">, change: OpenChange = {}): Promise<OpenResult> {
  const { clock = systemClock, signal, ...options } = change;
  return openConnection(
    {
      id: "test",
      address: host.address as IpAddress,
      port: host.port,
      localAddress: undefined,
      ehlo: "relay.example.com",
      implicitTls: false,
      starttls: "if-offered",
      handshake,
      timeouts: defaultTimeouts,
      ...options,
    },
    { clock, ...(signal === undefined ? {} : { signal }) },
  );
}

/** Open and ready for mail; fails the test otherwise. */
export async function readyAt(host: PartnerHost, change: OpenChange = {}): Promise<SmtpConnection> {
  const opened = await openTo(host, change);
  assert.equal(opened.kind, "open", JSON.stringify(opened));
  assert.ok(opened.kind === "open");
  assert.equal(await opened.connection.prepare(), undefined);
  return opened.connection;
}

export function mailbox(text: string): Mailbox {
  const at = text.lastIndexOf("@");
  return { text, localPart: text.slice(0, at), host: { kind: "domain", domain: domain(text.slice(at + 1)) } };
}

export type MessageChange = Readonly<{
  from?: Partial<OutboundMessage["sender"]>;
  to?: readonly (string | OutboundMessage["recipients"][number])[];
  body?: string | OutboundMessage["body"];
  facts?: Partial<OutboundMessage["facts"]>;
}>;

export function message({
  from = {},
  to = ["bob@example.net"],
  body,
  facts = {},
}: MessageChange = {}): OutboundMessage {
  const octets = body ?? "Subject: hello\r\n\r\nhello\r\n";
  return {
    sender: {
      mailbox: mailbox("alice@example.com"),
      body: "7bit",
      smtputf8: false,
      ret: undefined,
      envid: undefined,
      ...from,
    },
    recipients: to.map((recipient) =>
      typeof recipient === "string" ? { mailbox: mailbox(recipient), notify: undefined, orcpt: undefined } : recipient,
    ),
    body: typeof octets === "string" ? inMemory(octets) : octets,
    facts: { has8bit: false, hasUtf8Header: false, receivedCount: 0, endsWithCrlf: true, ...facts },
  };
}

export function inMemory(...chunks: string[]): OutboundMessage["body"] {
  const octets = chunks.map((chunk) => Buffer.from(chunk, "latin1"));
  return { kind: "memory", sizeBytes: Buffer.concat(octets).length, chunks: octets };
}

/** `delivered 250`, `refused rcpt 550`, `broken final-dot uncertain` ... */
export function summary(result: RecipientResult | undefined): string {
  switch (result?.kind) {
    case "delivered":
      return `delivered ${result.reply.code}`;
    case "refused":
      return `refused ${result.stage} ${result.reply.code}`;
    case "unsuitable":
      return `unsuitable ${result.status}`;
    case "broken":
      return `broken ${result.stage} ${result.status}${result.uncertain ? " uncertain" : ""}`;
    default:
      return "nothing";
  }
}

/** Time moves only by `advance`. */
export function handClock(): Clock & { advance(ms: number): void } {
  let now = 1_800_000_000_000;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
        if (timer.at <= now && timers.delete(timer)) timer.run();
      }
    },
  };
}
