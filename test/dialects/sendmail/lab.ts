/**
 * Sendmail's configuration as texts, and one delivery by hand-made facts: hosts are tried in their order as the relay
 * does (`delivery/attempt.ts`), each decided and judged by the real `decide` and `judge`.
 */
import assert from "node:assert/strict";
import type { IpAddress } from "../../../src/mail/address.ts";
import { type Domain, domain } from "../../../src/mail/domain.ts";
import { reply } from "../../../src/mail/reply.ts";
import { decide, inClear } from "../../../src/policy/decide.ts";
import type { Compiled, SourceFiles } from "../../../src/policy/dialects/dialect.ts";
import type { SendmailOptions } from "../../../src/policy/dialects/sendmail/compile.ts";
import { compileSendmail } from "../../../src/policy/dialects/sendmail/compile.ts";
import { judge, type TlsVerdict } from "../../../src/policy/judge.ts";
import { createPolicy } from "../../../src/policy/policy.ts";
import type { InboundQuestion, OutboundQuestion } from "../../../src/policy/rules.ts";
import { parseMailbox } from "../../../src/smtp/path.ts";
import type { CertificateFacts, HandshakeFacts, PeerFacts, TlsProgress } from "../../../src/tls/peer-facts.ts";
import { certificateDer } from "./certificate-der.ts";

export function filesOf(texts: Readonly<Record<string, string>>): SourceFiles {
  return {
    read: (path) => {
      const text = texts[path];
      return text === undefined ? { kind: "failed", reason: "no such file" } : { kind: "found", text };
    },
    list: (path) => {
      const names = Object.keys(texts).filter((name) => name.startsWith(`${path}/`));
      return names.length === 0 ? undefined : names.map((name) => name.slice(path.length + 1)).sort();
    },
    modifiedAt: () => undefined,
  };
}

export const accessFile = "/etc/mail/access";
const mcFile = "/etc/mail/sendmail.mc";

/** @param mc lines beside `FEATURE(access_db)`. */
export function compileTexts(
  access: string,
  mc?: string,
  more: Readonly<Record<string, string>> = {},
  version?: NonNullable<SendmailOptions["version"]>,
): Compiled {
  const texts = { [accessFile]: access, ...more, ...(mc === undefined ? {} : { [mcFile]: withAccess(mc) }) };
  const options = {
    access: accessFile,
    ...(mc === undefined ? {} : { mc: mcFile }),
    ...(version === undefined ? {} : { version }),
  };
  return compileSendmail(options, filesOf(texts));
}

function withAccess(mc: string): string {
  return mc.includes("access_db") ? mc : `FEATURE(\`access_db')dnl\n${mc}`;
}

export function question(host: string | undefined, recipient: string, address?: string): OutboundQuestion {
  const mailbox = parseMailbox(recipient);
  assert.ok(mailbox, recipient);
  const recipientDomain = mailbox.host?.kind === "domain" ? mailbox.host.domain : undefined;
  return {
    sender: undefined,
    recipient: mailbox,
    recipientDomain,
    nexthop: { kind: "mx", domain: recipientDomain ?? domain("peer.example"), port: 25 },
    binding: "default",
    bindingGroup: undefined,
    host: host === undefined ? undefined : domain(host),
    address: address as IpAddress | undefined,
    now: 0,
  };
}

export function inboundQuestion(client: string, clientName?: string, localPort = 25): InboundQuestion {
  return {
    listener: "smtp",
    localAddress: undefined,
    localPort,
    client: client as IpAddress,
    clientName: clientName === undefined ? undefined : domain(clientName),
    user: undefined,
    now: 0,
  };
}

export type PeerLooks = Readonly<{
  cn?: string;
  issuer?: string;
  sans?: readonly string[];
  /** `undefined`: trusted; else OpenSSL's code. */
  untrusted?: string;
  bits?: number;
  cipher?: string;
  asked?: HandshakeFacts["clientCertificate"];
  noCertificate?: true;
}>;

/** A finished handshake; names of the certificate as `/C=US/CN=Root`. */
export function tls(looks: PeerLooks = {}): TlsProgress {
  const { cn = "mx.peer.example", issuer = "/C=US/O=Safe Mail/CN=Test Root CA", sans = [cn], bits = 256 } = looks;
  const der = certificateDer(`/C=US/CN=${cn}`, issuer);
  const certificate: CertificateFacts = {
    subject: `CN=${cn}`,
    issuer,
    serial: "01",
    notBefore: 0,
    notAfter: 9e12,
    dnsNames: sans,
    ipAddresses: [],
    commonName: cn,
    sha256: Buffer.from(der).toString("hex"),
    spkiSha256: "",
    keyType: "ec",
    keyBits: 256,
    der,
    spkiDer: new Uint8Array(),
  };
  const code = looks.untrusted;
  return {
    kind: "done",
    handshake: {
      protocol: "TLSv1.3",
      cipher: looks.cipher ?? (bits === 128 ? "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384"),
      bits,
      group: "X25519",
      resumed: false,
      chain: code === undefined ? { kind: "trusted" } : { kind: "untrusted", code, text: code },
      certificate: looks.noCertificate ? undefined : certificate,
      intermediates: [],
      clientCertificate: looks.asked ?? "not-asked",
      durationMs: 1,
    },
  };
}

export const noTls: TlsProgress = { kind: "not-offered" };
export const selfSigned = { untrusted: "DEPTH_ZERO_SELF_SIGNED_CERT" } as const;
export const handshakeBroken: TlsProgress = {
  kind: "failed",
  code: "ERR_SSL_WRONG_VERSION_NUMBER",
  text: "wrong version",
};
export const lost: TlsProgress = { kind: "lost" };

export function refused(code: number, text = "no TLS now"): TlsProgress {
  return { kind: "refused", reply: reply(code, undefined, text) };
}

export type Host = readonly [name: string | undefined, tls: TlsProgress, address?: string];

/** `TLS via HOST`, `clear via HOST`, `queued: TEXT`, or `bounce: TEXT`. */
export function deliver({ source }: Compiled, recipient: string, ...hosts: readonly Host[]): string {
  const policy = createPolicy([source]);
  let last = "no host";
  for (const [name, progress, address] of hosts) {
    const asked = question(name, recipient, address);
    const decision = decide(policy.rule(asked), {
      nexthop: asked.nexthop,
      host: name as Domain | undefined,
      address: asked.address,
      mxStatus: "insecure",
      implicitTls: false,
      messageAgeMs: 0,
    });
    if (decision.kind === "refuse") {
      last = `queued: ${decision.text}`;
      continue;
    }
    const met = decision.starttls === "never" && progress.kind !== "not-offered" ? skipped : progress;
    const first = judge(decision, seen(met), name ?? "");
    const verdict = first.kind === "clear-again" ? judge(inClear(decision), seen(skipped), name ?? "") : first;
    if (verdict.kind === "flow") return `${first.kind === "flow" && met.kind === "done" ? "TLS" : "clear"} via ${name}`;
    last = describeFailure(verdict);
    if (verdict.kind === "next-host" && verdict.severity === "bounce") return last;
  }
  return last;
}

const skipped: TlsProgress = { kind: "skipped" };

function seen(progress: TlsProgress): PeerFacts {
  return { offered: progress.kind !== "not-offered", tls: progress, seenAt: 1 };
}

function describeFailure(verdict: Exclude<TlsVerdict, { kind: "flow" }>): string {
  const returned = verdict.kind === "next-host" && verdict.severity.startsWith("bounce");
  return `${returned ? "bounce" : "queued"}: ${verdict.text}`;
}

export function warnings({ notes }: Compiled): readonly string[] {
  return notes.filter(({ kind }) => kind === "warning").map(({ line, text }) => `${line}: ${text}`);
}

export function errors({ notes }: Compiled): readonly string[] {
  return notes.filter(({ kind }) => kind === "error").map(({ line, text }) => `${line}: ${text}`);
}
