/**
 * A receiver led by another mail server's configuration, and by nothing else: its policy, its users, its relay domains.
 * Clients come from wherever a test says, to whatever address and port it says.
 */
import { createHmac } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import { createAuthenticator } from "../../src/admission/authenticator.ts";
import { createEnvelopeCheck } from "../../src/admission/check-envelope.ts";
import { createConduct } from "../../src/admission/conduct.ts";
import { createRelayCheck } from "../../src/admission/relay-check.ts";
import type { IpAddress } from "../../src/mail/address.ts";
import { domain } from "../../src/mail/domain.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import { createInboundPolicy } from "../../src/policy/inbound.ts";
import type { SessionFacts } from "../../src/smtp/server/receiver.ts";
import type { User } from "../../src/users/user.ts";
import { createUserDirectory } from "../../src/users/user-directory.ts";
import { HandClock, type OpenReceiver, openReceiver } from "../receiver-lab.ts";
import { TestClient } from "../smtp-client.ts";

export type Visit = Readonly<{
  /** Default: 192.0.2.7. */
  client?: string;
  /** Default: 192.0.2.25. */
  localAddress?: string;
  /** Default: 25. */
  localPort?: number;
  /** Of our own users file, beside those of the configuration. */
  users?: readonly User[];
}>;

/** Whether TLS begins with the connection is what the configuration says of the address that the client comes to. */
export async function openDialect(
  { source, settings }: Compiled,
  { client = "192.0.2.7", localAddress = "192.0.2.25", localPort = 25, users: own = [] }: Visit = {},
): Promise<OpenReceiver> {
  const clock = new HandClock();
  const users = createUserDirectory([...own, ...(settings.users ?? [])]);
  const hostname = domain("relay.test");
  const policy = createInboundPolicy([source], () => undefined, {});
  const relay = createRelayCheck([], settings.relayDomains ?? [], {
    allowLiterals: false,
    hostname,
    takesPostmaster: false,
  });
  const as = (session: SessionFacts): SessionFacts => ({
    ...session,
    clientAddress: client as IpAddress,
    localAddress: localAddress as IpAddress,
    localPort,
  });
  const conduct = createConduct({ policy: () => policy, users: () => users, hostname: () => hostname, clock });
  const check = createEnvelopeCheck({ policy: () => policy, users: () => users, relay: () => relay, clock });
  const { startSasl } = createAuthenticator({
    users: () => users,
    policy: () => policy,
    settings: () => ({ failureDelayMs: 0, maxFailures: 100, windowMs: 1, lockMs: 1, maxFailuresPerSession: 10 }),
    clock,
    secret: Buffer.alloc(32, 1),
    observe: () => {},
  });
  const listener = settings.listeners?.find(
    ({ address, port }) => port === localPort && (address === localAddress || address === "0.0.0.0"),
  );
  return await openReceiver({
    implicitTls: listener?.implicitTls ?? false,
    hostname,
    conduct: (session) => conduct(as(session)),
    startSasl: (mechanism, context) => startSasl(mechanism, { ...context, session: as(context.session) }),
    checkSender: (session, sender) => check.checkSender(as(session), sender),
    checkRecipient: (session, sender, recipient) => check.checkRecipient(as(session), sender, recipient),
  });
}

/** Greeting and EHLO are behind it; `offered` is what EHLO listed, without the host's name. */
export type Greeted = Readonly<{ client: TestClient; offered: readonly string[] }>;

export async function greet({ receiver }: OpenReceiver): Promise<Greeted> {
  const client = new TestClient(receiver.port);
  await client.reply();
  return { client, offered: await ehlo(client) };
}

const anyServer: ConnectionOptions = { rejectUnauthorized: false, servername: "relay.test" };

/** STARTTLS, the handshake, and EHLO again. */
export async function encrypt(client: TestClient, options: ConnectionOptions = {}): Promise<readonly string[]> {
  const answer = await client.say("STARTTLS");
  if (!answer.startsWith("220 ")) throw new Error(answer);
  await client.startTls({ ...anyServer, ...options });
  return await ehlo(client);
}

/** TLS from the first octet. */
export async function connectEncrypted({
  receiver,
}: OpenReceiver): Promise<Greeted & Readonly<{ greeting: string; names: string | undefined }>> {
  const client = new TestClient(receiver.port);
  const secure = await client.startTls(anyServer);
  const greeting = await client.reply();
  return { client, greeting, offered: await ehlo(client), names: secure.getPeerCertificate().subjectaltname };
}

export async function ehlo(client: TestClient): Promise<readonly string[]> {
  const lines = (await client.say("EHLO client.test")).split("\n");
  return lines.slice(1).map((line) => line.slice(4));
}

/** The codes and statuses of MAIL and RCPT. */
export async function send(client: TestClient, recipient: string): Promise<string> {
  const replies = [await client.say("MAIL FROM:<a@sender.test>"), await client.say(`RCPT TO:<${recipient}>`)];
  return replies.map((text) => text.slice(0, 9)).join(", ");
}

export function plain(user: string, password: string): string {
  return Buffer.from(`\0${user}\0${password}`).toString("base64");
}

export async function cramMd5(client: TestClient, user: string, password: string): Promise<string> {
  const asked = await client.say("AUTH CRAM-MD5");
  const challenge = Buffer.from(asked.replace(/^334 /, ""), "base64");
  const digest = createHmac("md5", password).update(challenge).digest("hex");
  return await client.say(Buffer.from(`${user} ${digest}`).toString("base64"));
}
