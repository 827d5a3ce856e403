/**
 * The side of a relay that receives: who is let in, and what becomes of mail that was taken. Connects parts; owns no
 * rules.
 */
import { createAdmission } from "../admission/admission.ts";
import { createAuthenticator } from "../admission/authenticator.ts";
import type { ListenerSettings, Settings } from "../config/settings.ts";
import { acceptMail } from "../delivery/accept-mail.ts";
import { headersWanted } from "../delivery/choose-binding.ts";
import type { Conductor } from "../delivery/conductor.ts";
import type { HeadersWanted } from "../smtp/server/header-section.ts";
import type { ReceiverOptions } from "../smtp/server/receiver.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { RelayParts } from "./relay-parts.ts";

export type InboundParts = RelayParts & Readonly<{ conductor: Conductor; disk: DiskWatch; authSecret: Buffer }>;

/** @returns what a listener hands its receiver; the settings given are those it was opened with */
export function createInbound(parts: InboundParts): (listener: ListenerSettings, opened: Settings) => ReceiverOptions {
  const { now, queue, conductor, disk, spoolDirectory, newId, observe, clock, authSecret: secret } = parts;
  const settings = (): Settings => now().settings;
  const admission = createAdmission(() => now().admission, clock, observe);
  const authenticator = createAuthenticator({
    users: () => settings().users,
    policy: () => now().admission.policy,
    settings: () => settings().auth,
    clock,
    secret,
    observe,
  });
  const acceptTools = {
    queue,
    conductor,
    settings,
    observe,
    clock,
    turns: new Map(),
    accepted: admission.accepted,
    printedHeaders: () => now().printedHeaders,
  };
  return (listener, opened) => ({
    listener: listener.name,
    hostname: opened.hostname,
    implicitTls: listener.implicitTls,
    clientName: (client) => (settings().clientNames ? now().clientName(client) : undefined),
    conduct: admission.conduct,
    startSasl: authenticator.startSasl,
    maxAuthFailures: opened.auth.maxFailuresPerSession,
    limits: opened.limits,
    timeouts: opened.timeouts,
    bareNewline: listener.bareNewline,
    headersWanted: ({ listener: name, clientAddress: client, localAddress, localPort, login }) =>
      alsoPrinted(
        headersWanted({ listener: name, client, localAddress, localPort, user: login?.user }, settings()),
        now().printedHeaders,
      ),
    spoolDirectory,
    newId,
    checkClient: () => undefined,
    checkSender: (session, sender) => disk.refusal() ?? admission.checkSender(session, sender),
    checkRecipient: admission.checkRecipient,
    onRefusal: admission.onRefusal,
    accept: (mail) => acceptMail(mail, acceptTools),
  });
}

/** Fields that a log prints stay in the message, unless they are there to choose a binding only. */
function alsoPrinted(wanted: HeadersWanted, printed: ReadonlySet<string>): HeadersWanted {
  if (printed.size === 0) return wanted;
  return new Map([...[...printed].map((name) => [name, "keep"] as const), ...wanted]);
}
