/**
 * What Sendmail says of one recipient's attempt: of each host that was met, its handshake and what the rules said of it,
 * once for all recipients that met it in the same attempt; then the recipient's delivery line.
 */
import type { AttemptRecord, EarlierHost } from "../../mail/attempt.ts";
import { HostsTold } from "../words/hosts-told.ts";
import { MessagesLeft } from "../words/messages-left.ts";
import { algorithmBits, opensslCipherName } from "../words/openssl-cipher.ts";
import { angled } from "../words/printable.ts";
import { certificateName } from "./certificate-name.ts";
import { deliveryStatus, ruleReply, whyUnreachable } from "./delivery-status.ts";
import { levels } from "./levels.ts";
import { verifyMessage } from "./verify-message.ts";
import { verifyWord } from "./verify-word.ts";
import { bracketed, fieldless, hostName, interval, relayName, rootedName } from "./words.ts";

/** Of sendmail.cf: what each recipient, each further attempt and each step of class weigh in `pri=`. */
const recipientWeight = 30_000;
const retryWeight = 90_000;
const classWeight = 1800;

export class DeliveryLines {
  readonly #level: number;
  readonly #left = new MessagesLeft();
  readonly #hosts = new HostsTold();

  constructor(level: number) {
    this.#level = level;
  }

  /** @param noticeLine what is to be said behind the recipient's line */
  of(record: AttemptRecord, noticeLine: string | undefined): readonly string[] {
    this.#hosts.begin(record);
    const lines: string[] = [];
    for (const host of record.earlier) this.#hostLines(host, record, lines);
    this.#hostLines(record, record, lines);
    if (this.#isWanted(record)) lines.push(deliveryLine(record));
    if (noticeLine !== undefined) lines.push(noticeLine);
    if (this.#level >= levels.done && this.#left.settle(record)) {
      lines.push(`${record.messageId}: done; delay=${interval(record.ageMs)}, ntries=${record.attempt}`);
    }
    return lines;
  }

  #isWanted({ event }: AttemptRecord): boolean {
    if (event === "delivered") return this.#level >= levels.sent;
    return this.#level >= (event === "failed" ? levels.returned : levels.deferred);
  }

  #hostLines(host: EarlierHost, record: AttemptRecord, lines: string[]): void {
    if (!isReused(host) && this.#hosts.isNews(host)) {
      this.#unreachedLine(host, record, lines);
      this.#handshakeLines(host, lines);
      if (this.#level >= levels.handshake && lacksDane(host)) lines.push(daneWarning(host));
      this.#skippedLine(host, record, lines);
      if (this.#level >= levels.hostRefused && isHostsVerdict(host)) lines.push(hostVerdict(host));
    }
    if (host.failure?.tls === "recipient-requirement" && this.#level >= levels.refused) {
      const { messageId, to } = record;
      const relay = rootedName(host);
      lines.push(`${messageId}: ruleset=tls_rcpt, arg1=${fieldless(to)}, relay=${relay}, reject=${ruleReply(host)}`);
    }
  }

  #unreachedLine(host: EarlierHost, { messageId }: AttemptRecord, lines: string[]): void {
    const { failure, address, port } = host;
    if (this.#level < levels.notConnected || failure?.stage !== "connect" || failure.kind !== "unreachable") return;
    const where = `${rootedName(host)} ${bracketed(address ?? "")}.${port ?? 25}`;
    const family = address?.includes(":") ? 10 : 2;
    lines.push(`${messageId}: makeconnection (${where} (${family})) failed: ${whyUnreachable(host, failure)}`);
  }

  #handshakeLines(host: EarlierHost, lines: string[]): void {
    const { tls, failure } = host;
    if (failure?.tls === "handshake" && this.#level >= levels.handshakeFailed) {
      lines.push(
        handshakeError("client", "connect", failure.code === "ECONNRESET" ? endOfFile : fieldless(failure.cause)),
      );
    }
    if (tls === null || tls.protocol === null || this.#level < levels.handshake) return;
    const verify = verifyWord(host);
    const { protocol, cipher, bits, peer } = tls;
    lines.push(`STARTTLS=client, relay=${rootedName(host)}, ${handshakeFields({ protocol, verify, cipher, bits })}`);
    if (this.#level >= levels.certificate) lines.push(certificateLine("client", peer, tls.verify.chain));
  }

  /** `Try_TLS: NO`, and what means the same elsewhere: TLS was offered, and not to be used. */
  #skippedLine(host: EarlierHost, { tls, to, connection }: AttemptRecord, lines: string[]): void {
    if (this.#level < levels.notTried || host.connection !== connection) return;
    if (tls === null || !tls.offered || tls.required !== "none") return;
    const name = hostName(host);
    const why = `550 5.7.1 ${angled(to)}... do not try TLS with ${name} ${bracketed(host.address ?? "")}`;
    lines.push(`ruleset=try_tls, arg1=${name}, relay=${name}, status=${why}`);
  }
}

/** What there was to say of the connection was said with the first message. */
function isReused({ connection }: EarlierHost): boolean {
  return connection !== null && connection.use > 1;
}

/** A rule gave the host up; a refusal or a loss that no rule speaks of is told in the delivery line alone. */
function isHostsVerdict({ failure, error, tls }: EarlierHost): boolean {
  if (failure?.kind !== "tls" || failure.tls === "recipient-requirement") return false;
  if (failure.tls !== "lost" && failure.tls !== "refused") return true;
  const own = tls?.refusal == null ? "" : failure.cause;
  return /^[45]\d\d /.test(error ?? "") && error !== own;
}

/** The domain's DNS promises TLS, and the host has none. */
function lacksDane({ tls, failure }: EarlierHost): boolean {
  return failure?.kind === "tls" && tls !== null && tls.protocol === null && tls.required.startsWith("dane");
}

function daneWarning(host: EarlierHost): string {
  const what = host.tls?.offered ? "failed" : "not offered";
  return `STARTTLS=client, relay=${rootedName(host)}, warning=DANE configured in DNS but STARTTLS ${what}`;
}

function hostVerdict(host: EarlierHost): string {
  return `ruleset=tls_server, arg1=${verifyWord(host)}, relay=${hostName(host)}, reject=${ruleReply(host)}`;
}

/** OpenSSL's word for a connection that ends in the middle. */
const endOfFile = "unexpected eof while reading";

type Handshake = Readonly<{ protocol: string; verify: string; cipher: string | null; bits: number | null }>;

/** Bits: nominal, then effective. */
export function handshakeFields({ protocol, verify, cipher, bits }: Handshake): string {
  const nominal = cipher === null ? 0 : algorithmBits(cipher) || (bits ?? 0);
  return `version=${protocol}, verify=${verify}, cipher=${opensslCipherName(cipher)}, bits=${nominal}/${bits ?? 0}`;
}

export function certificateLine(
  role: "client" | "server",
  certificate: Readonly<{ subject: string; issuer: string }> | null,
  chain: string | null,
): string {
  const [subject, issuer] =
    certificate === null ? ["", ""] : [certificateName(certificate.subject), certificateName(certificate.issuer)];
  const message = verifyMessage(certificate === null ? null : chain);
  return `STARTTLS=${role}, cert-subject=${subject}, cert-issuer=${issuer}, verifymsg=${message}`;
}

/** The numbers are those of OpenSSL's most common failure: records do not keep them. */
export function handshakeError(role: "client" | "server", call: "connect" | "accept", reason: string): string {
  return `STARTTLS=${role}, error: ${call} failed=-1, reason=${reason}, SSL_error=1, errno=0, retry=-1`;
}

function deliveryLine(record: AttemptRecord): string {
  const { messageId, to, ageMs, durationMs, nexthop } = record;
  const { dsn, reply, stat } = deliveryStatus(record);
  const times = `delay=${interval(ageMs)}, xdelay=${interval(durationMs)}`;
  const relay = relayName(record, nexthop);
  const said = reply === undefined ? "" : `, reply=${reply}`;
  const how = `${times}, mailer=esmtp, pri=${priority(record)}, relay=${relay}`;
  return `${messageId}: to=${angled(to)}, ${how}, dsn=${dsn}${said}, stat=${stat}`;
}

function priority({ sizeBytes, recipients, attempt, origin }: AttemptRecord): number {
  const weight = sizeBytes - messageClass(origin.headers) * classWeight;
  return Math.max(0, weight + recipients * recipientWeight + (attempt - 1) * retryWeight);
}

/** Of the header field Precedence, by sendmail.cf. */
export function messageClass(headers: Readonly<Record<string, string>>): number {
  return classes.get(headers.precedence?.trim().toLowerCase() ?? "") ?? 0;
}

const classes: ReadonlyMap<string, number> = new Map([
  ["special-delivery", 100],
  ["list", -30],
  ["bulk", -60],
  ["junk", -100],
]);
