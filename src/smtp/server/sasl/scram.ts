/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677; standards.md AU-7, AU-8). -PLUS binds the
 * log-in to the TLS session by `tls-exporter` (RFC 9266): a password's proof that was relayed from another session fails.
 *
 *     client-first -> server-first (nonce, salt, iterations) -> client-final (proof) -> server-final (signature)
 *
 * After a failure nothing more is said here (`e=...` is optional, RFC 5802 §5.1): a client that leaves after it would leave
 * before the refusal is counted, and it would tell reasons apart.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type LogInChecks, malformed, type ScramRecord } from "./log-in-checks.ts";
import type { SaslContext, SaslExchange, SaslStep } from "./sasl.ts";
import { type ClientFinal, type ClientFirst, parseClientFinal, parseClientFirst } from "./scram-messages.ts";

export type ScramOptions = Readonly<{
  /** -PLUS: the client must bind. */
  plus: boolean;
  context: Pick<SaslContext, "offered" | "channelBinding">;
  /** Printable, without commas, at least 18 octets of chance; given by tests alone. */
  nonce?: string;
}>;

type Begun = Readonly<{ first: ClientFirst; record: ScramRecord; nonce: string; serverFirst: string }>;

export function startScram(checks: LogInChecks, options: ScramOptions): SaslExchange {
  let begun: Begun | undefined;
  return {
    step(response) {
      if (begun !== undefined) return response === undefined ? malformed : finish(checks, options, begun, response);
      if (response === undefined) return { kind: "challenge", data: Buffer.alloc(0) };
      const first = parseClientFirst(response);
      if (first === undefined || !bindsAsItShould(first, options)) return malformed;
      if (isDowngraded(first, options)) return checks.conclude(first, "wrong");
      begun = begin(first, checks.scramRecord(first.name), options.nonce ?? randomBytes(24).toString("base64"));
      return { kind: "challenge", data: Buffer.from(begun.serverFirst) };
    },
  };
}

/** `p` with -PLUS and nowhere else, and only by the one type that we have. RFC 5802 §6 */
function bindsAsItShould({ flag }: ClientFirst, { plus }: ScramOptions): boolean {
  return plus ? flag.kind === "p" && flag.type === "tls-exporter" : flag.kind !== "p";
}

/** The client could bind and was not told that we can: somebody in between took -PLUS out of our list. RFC 5802 §6 */
function isDowngraded({ flag }: ClientFirst, { context }: ScramOptions): boolean {
  return flag.kind === "y" && context.offered.includes("SCRAM-SHA-256-PLUS");
}

function begin(first: ClientFirst, record: ScramRecord, ownNonce: string): Begun {
  const nonce = first.nonce + ownNonce;
  const salt = Buffer.from(record.salt).toString("base64");
  return { first, record, nonce, serverFirst: `r=${nonce},s=${salt},i=${record.iterations}` };
}

function finish(
  checks: LogInChecks,
  { plus, context }: ScramOptions,
  { first, record, nonce, serverFirst }: Begun,
  response: Buffer,
): SaslStep | Promise<SaslStep> {
  const final = parseClientFinal(response);
  if (final === undefined || final.nonce !== nonce) return malformed;
  const bound = expectedBinding(first.gs2Header, plus ? context.channelBinding() : Buffer.alloc(0));
  const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
  // Both are computed whatever the other says.
  const isProven = provesPassword(record, authMessage, final);
  if (bound !== final.channelBinding || !isProven) return checks.conclude(first, "wrong");
  const signature = createHmac("sha256", record.serverKey).update(authMessage).digest("base64");
  return checks.conclude(first, "right", Buffer.from(`v=${signature}`));
}

/** What `c=` must say; `undefined` where this session has nothing to bind to. RFC 5802 §5.1 */
function expectedBinding(gs2Header: string, binding: Buffer | undefined): string | undefined {
  return binding && Buffer.concat([Buffer.from(gs2Header), binding]).toString("base64");
}

/** H(proof XOR HMAC(StoredKey, AuthMessage)) is StoredKey. RFC 5802 §3 */
function provesPassword({ storedKey }: ScramRecord, authMessage: string, { proof }: ClientFinal): boolean {
  const signature = createHmac("sha256", storedKey).update(authMessage).digest();
  const clientKey = Buffer.from(signature.map((octet, index) => octet ^ (proof[index] ?? 0)));
  return timingSafeEqual(createHash("sha256").update(clientKey).digest(), storedKey);
}
