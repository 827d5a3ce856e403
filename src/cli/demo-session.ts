/**
 * Sessions into the relay of `letterlock demo`: the way any mail comes in.
 */
import type { IpAddress } from "../mail/address.ts";
import { systemClock } from "../mail/clock.ts";
import type { Relay } from "../server/relay.ts";
import { openConnection } from "../smtp/client/open-connection.ts";
import type { OpenOptions, RecipientResult, SmtpConnection } from "../smtp/client/sender.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { Credential } from "../tls/handshake-settings.ts";

/** In clear text, or inside TLS with or without a certificate of the client's own. */
export async function openSession(
  { listeners }: Relay,
  timeouts: OpenOptions["timeouts"],
  { inTls, credential }: Readonly<{ inTls: boolean; credential: Credential | undefined }>,
): Promise<SmtpConnection> {
  const [listener] = listeners;
  if (listener === undefined) throw new Error("no listener");
  const opened = await openConnection(
    {
      id: "demo",
      address: listener.address as IpAddress,
      port: listener.port,
      localAddress: undefined,
      ehlo: "laptop.example",
      implicitTls: false,
      starttls: inTls ? "always" : "never",
      handshake: {
        serverName: undefined,
        anchors: { kind: "system" },
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.3",
        ciphers: undefined,
        groups: undefined,
        credential,
      },
      timeouts,
    },
    { clock: systemClock },
  );
  if (opened.kind !== "open") throw new Error(`the relay cannot be reached: ${opened.kind}`);
  await opened.connection.prepare();
  return opened.connection;
}

export async function sendMail(
  session: SmtpConnection,
  from: string,
  to: string,
): Promise<RecipientResult | undefined> {
  const mailbox = parseMailbox(to);
  if (mailbox === undefined) throw new Error(to);
  const bytes = Buffer.from(`From: ${from}\r\nTo: ${to}\r\nSubject: is this encrypted?\r\n\r\nLet us see.\r\n`);
  const [result] = await session.send({
    sender: { mailbox: parseMailbox(from), body: "7bit", smtputf8: false, ret: undefined, envid: undefined },
    recipients: [{ mailbox, notify: undefined, orcpt: undefined }],
    body: { kind: "memory", sizeBytes: bytes.length, chunks: [bytes] },
    facts: { has8bit: false, hasUtf8Header: false, receivedCount: 0, endsWithCrlf: true },
  });
  return result;
}
