/**
 * The hosts that mail is delivered to, one of each kind, each at an address of its own: with and without TLS, and with
 * every way in which a delivery can go wrong that a log tells apart.
 */
import type { LabZone } from "../../../src/lab/dns-zone.ts";
import type { PartnerHandshake, PartnerMoment, PartnerOptions, PartnerTls } from "../../../src/lab/partner-script.ts";
import type { CertificateMaker } from "../sendmail-differential/certificates.ts";
import { clientZone } from "./clients.ts";
import { clientAddress, domainOf, hostName, type Story } from "./stories.ts";

/** What a host answers at a moment; `drop` ends the connection. Of RCPT, by the recipient's local part. */
type Answers = Readonly<Partial<Record<Exclude<PartnerMoment, "RCPT">, string>>> &
  Readonly<{ RCPT?: Readonly<Record<string, string>> }>;

/** What the program that runs them is told: plain values alone. */
export type PlannedHost = Readonly<Omit<PartnerOptions, "answers"> & { answers: Answers }>;
export type HostPlan = Readonly<{ hosts: readonly PlannedHost[]; zone: LabZone }>;

type Kind = Readonly<{
  /** Absent: no TLS. `signedBy` defaults to the authority. */
  tls?: Readonly<{
    signedBy?: "stranger" | "itself";
    expired?: true;
    ciphers?: string;
    handshake?: PartnerHandshake;
    /** Of the certificate. */
    cn?: string;
  }>;
  answers?: Answers;
  /** EHLO keywords other than STARTTLS; all the usual ones when absent. */
  keywords?: readonly string[];
}>;

const byUser: Readonly<Record<string, string>> = {
  unknown: "550 5.1.1 no such user",
  full: "452 4.2.2 mailbox full",
  never: "554 5.7.1 not for you",
  moved: "551 5.1.6 gone elsewhere",
  bare: "550 no such user",
  later: "450 come back later",
};

const kinds = {
  tls13: { tls: {} },
  tls12: { tls: { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" } },
  self: { tls: { signedBy: "itself" } },
  stranger: { tls: { signedBy: "stranger" } },
  expired: { tls: { expired: true } },
  odd: { tls: { cn: "Mail+Co (CH) <x>" } },
  clear: {},
  garbage: { tls: { handshake: { kind: "garbage" } } },
  drop: { tls: { handshake: { kind: "drop" } } },
  silent: { tls: { handshake: { kind: "drop-before-reply" } } },
  says454: { tls: { handshake: { kind: "refuse", reply: "454 4.7.0 TLS not available" } } },
  says421: { tls: { handshake: { kind: "refuse", reply: "421 4.7.0 closing" } } },
  says250: { tls: { handshake: { kind: "refuse", reply: "250 2.0.0 nice word" } } },
  says554: { tls: { handshake: { kind: "refuse", reply: "554 5.7.0 never" } } },
  greets554: { answers: { greeting: "554 no service here" } },
  greets421: { answers: { greeting: "421 4.3.2 too busy" } },
  hangsup: { answers: { greeting: "drop" } },
  mail550: { tls: {}, answers: { MAIL: "550 5.7.1 sender rejected" } },
  mail451: { answers: { MAIL: "451 4.7.1 greylisted" } },
  picky: { tls: {}, answers: { RCPT: byUser } },
  data554: { answers: { DATA: "554 5.5.1 no valid recipients" } },
  message554: { answers: { message: "554 5.7.1 looks like spam" } },
  message452: { answers: { message: "452 4.3.1 disk full" } },
  twolines: { answers: { message: "452-4.3.1 disk full\r\n452 4.3.1 try tomorrow" } },
  bare550: { answers: { message: "550 we do not like it" } },
  breaks: { answers: { DATA: "drop" } },
  breaksatdot: { answers: { message: "drop" } },
  long: { answers: { message: `250 2.0.0 taken ${"x".repeat(400)}` } },
  small: { keywords: ["ENHANCEDSTATUSCODES", "SIZE 20"] },
  plainold: { keywords: ["PIPELINING"] },
  ugly: { answers: { message: "250 2.0.0 taken\t\x1b[2J \x7f caf\xe9 100%s" } },
} as const satisfies Record<string, Kind>;

export type HostKind = keyof typeof kinds | "refused" | "nowhere";

/** `refused` has an address at which nobody listens, `nowhere` has none. */
const addressed = [...Object.keys(kinds), "refused"];

export function addressOf(kind: string): string {
  return `127.0.3.${addressed.indexOf(kind) + 1}`;
}

/** Each story's hosts have names of their own, at the addresses that all of a kind share. */
export async function planHosts(maker: CertificateMaker, stories: readonly Story[]): Promise<HostPlan> {
  const hosts = await Promise.all(
    Object.entries<Kind>(kinds).map(async ([name, { tls, answers = {}, keywords }]) => ({
      address: addressOf(name),
      port: 25,
      hostname: `${name}.test`,
      tls: tls === undefined ? ({ mode: "none" } as const) : await tlsOf(name, tls, maker),
      answers,
      ...(keywords && { keywords }),
    })),
  );
  const clientsUsed = stories.map((story) => [story.client ?? "friend", clientAddress(story)] as const);
  return { hosts, zone: { ...clientZone(clientsUsed), ...zoneOf(stories) } };
}

async function tlsOf(name: string, tls: NonNullable<Kind["tls"]>, maker: CertificateMaker): Promise<PartnerTls> {
  const { signedBy, expired, ciphers, handshake, cn = `${name}.test` } = tls;
  const { chainPem, privateKeyPem } = await maker.make({
    attributes: [
      ["O", "Partner Ltd"],
      ["CN", cn],
    ],
    macros: { cn, subject: `/O=Partner+20Ltd/CN=${cn}` },
    ...(signedBy && { signedBy }),
    ...(expired && { expired }),
  });
  return {
    mode: "starttls",
    certificate: { chainPem, privateKeyPem },
    ...(ciphers === undefined ? {} : { ciphers, maxVersion: "TLSv1.2" }),
    ...(handshake && { handshake }),
  };
}

function zoneOf(stories: readonly Story[]): LabZone {
  const zone: LabZone = { "s-servfail.test": { misbehave: "servfail" }, "s-nullmx.test": { mx: [[0, "."]] } };
  for (const story of stories) {
    const { mx = [] } = story;
    if (mx.length === 0) continue;
    zone[domainOf(story)] = { mx: mx.map((kind, at) => [10 * (at + 1), hostName(kind, story)]) };
    for (const kind of mx) if (kind !== "nowhere") zone[hostName(kind, story)] = { a: [addressOf(kind)] };
  }
  return zone;
}
