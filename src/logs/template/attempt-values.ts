/**
 * What each macro prints of an attempt record: at delivery, transient and permanent failures. The names and what they
 * mean stand in `policy/dialects/momentum/log-macros.ts`.
 */
import { domainPartOf, localPartOf } from "../../mail/address-text.ts";
import type { AttemptRecord, AttemptTls } from "../../mail/attempt.ts";
import { placeOfRule } from "../../mail/rule-place.ts";
import { provingLevels } from "../../policy/rules.ts";
import { bounceClass } from "../momentum/bounce-class.ts";
import { stageOf } from "../momentum/connection-stage.ts";
import { commonName, copyId, noId, routingDomain } from "../momentum/identity.ts";
import { responseOf } from "../momentum/response-text.ts";
import { opensslCipherName } from "../words/openssl-cipher.ts";
import { createStrftime } from "../words/strftime.ts";
import { clientOfAttempt, connectionValue, messageValue } from "./context-values.ts";
import { digitsOf, type Makers, nothing, type Print, seconds, secondsWith, simple } from "./value.ts";

const specifiers: Makers<AttemptRecord> = {
  A: simple(({ origin }) => origin.by ?? ""),
  b: simple(({ binding }) => binding),
  g: simple(({ bindingGroup }) => bindingGroup ?? "default"),
  B: simple(({ sizeBytes }) => `${sizeBytes}`),
  BI: simple(({ messageId }) => messageId),
  c: simple((record) => bounceClass(record)?.name ?? ""),
  C: simple((record) => `${bounceClass(record)?.code ?? ""}`),
  CI: simple(({ origin }) => origin.session ?? noId),
  OC: simple(({ connection }) => connection?.id ?? noId),
  d: simple(routingDomain),
  H: simple(({ address }) => address ?? ""),
  h: (name = "") => {
    const key = name.toLowerCase();
    return ({ origin }) => (Object.hasOwn(origin.headers, key) ? (origin.headers[key] ?? "") : "");
  },
  i: simple(copyId),
  m: simple(({ from }) => localPartOf(from)),
  M: simple(({ from }) => domainPartOf(from)),
  n: simple(responseOf),
  N: simple(({ attempt }) => `${attempt - 1}`),
  p: simple(({ origin }) => (origin.protocol === "local" ? "internal" : "esmtp")),
  P: simple(() => "default"),
  PG: simple(() => "default"),
  r: simple(({ to }) => localPartOf(to)),
  R: simple(({ to }) => domainPartOf(to)),
  s: simple((record) => stageOf(record).text),
  S: simple((record) => `${stageOf(record).number}`),
  t: (format) => {
    const print = format === undefined ? seconds : createStrftime(format);
    return (_, ms) => print(ms);
  },
  T: (decimals) => {
    const digits = digitsOf(decimals, 2);
    return ({ ageMs }) => (ageMs / 1000).toFixed(digits);
  },
  us: (decimals) => {
    const print = secondsWith(decimals);
    return (_, ms) => print(ms);
  },
  U: simple(({ origin }) => origin.user ?? ""),
  vctx_conn: (key = "") => {
    const value = connectionValue(key);
    return value === undefined ? tlsValue(key) : (record) => value(clientOfAttempt(record));
  },
  vctx_mess: (key = "") => {
    const value = messageValue(key);
    return value === undefined ? tlsValue(key) : ({ from, to }) => value(from, to);
  },
};

function tlsValue(key: string): Print<AttemptRecord> {
  return Object.hasOwn(tlsMacros, key) ? (tlsMacros[key]?.(undefined) ?? nothing) : nothing;
}

/** With TLS alone. */
function ofTls(print: (tls: AttemptTls) => string | number | null | undefined) {
  return simple(({ tls }: AttemptRecord) => (tls?.protocol == null ? "" : `${print(tls) ?? ""}`));
}

const tlsMacros: Makers<AttemptRecord> = {
  outbound_tls: simple(({ tls, connection }) => {
    if (tls?.protocol != null) return "TLS";
    return connection === null ? "unknown" : "SMTP";
  }),
  outbound_tls_type: simple(({ tls }) => {
    if (tls?.protocol == null) return "no";
    return tls.required === "none" || tls.required === "may" ? "ifavailable" : "required";
  }),
  local_ip: simple(({ connection }) => connection?.localAddress ?? ""),
  outbound_tls_cipher: ofTls(({ cipher }) => opensslCipherName(cipher)),
  outbound_tls_cipher_algbits: ofTls(({ bits }) => bits),
  outbound_tls_cipher_usebits: ofTls(({ bits }) => bits),
  outbound_tls_protocol: ofTls(({ protocol }) => protocol),
  outbound_tls_verified: simple(({ connection, tls, reasons }) => {
    if (connection === null) return "";
    return tls?.achieved === "verified" && asksForProof(tls.required, reasons) ? "verified" : "unverified";
  }),
  outbound_tls_issuer: ofTls(({ peer }) => commonName(peer?.issuer ?? "")),
  outbound_tls_subject: ofTls(({ peer }) => commonName(peer?.subject ?? "")),
};

/** With `tls_verify = no` nothing is verified there; `letterlock_tls_achieved` has the facts. */
function asksForProof(required: string, reasons: AttemptRecord["reasons"]): boolean {
  return provingLevels.has(required) || reasons.some(({ code }) => proofReasons.has(code));
}

const proofReasons: ReadonlySet<string> = new Set(["proof-chain", "proof-chain-and-name", "monitor"]);

/** Without the prefix. */
const ownMacros: Makers<AttemptRecord> = {
  event: simple(({ event }) => event),
  tls_required: simple(({ tls }) => tls?.required ?? ""),
  tls_achieved: simple(({ tls }) => tls?.achieved ?? ""),
  tls_rule: simple(({ rule }) => placeOfRule(rule)),
  tls_reasons: simple(({ reasons }) => reasons.map(({ code }) => code).join(",")),
  tls_verify: simple(({ tls }) => (tls === null ? "" : checksOf(tls.verify))),
  tls_protocol: ofTls(({ protocol }) => protocol),
  tls_cipher: ofTls(({ cipher }) => cipher),
  tls_group: ofTls(({ group }) => group),
  tls_peer: ofTls(({ peer }) => peer?.subject),
  tls_peer_issuer: ofTls(({ peer }) => peer?.issuer),
  tls_peer_sha: ofTls(({ peer }) => peer?.sha256),
  tls_peer_until: ofTls(({ peer }) => peer?.notAfter),
  tls_monitor: simple(({ tls }) => tls?.monitor ?? ""),
  mx: simple(({ mx }) => mx ?? ""),
  port: simple(({ port }) => `${port ?? ""}`),
  status: simple(({ status }) => status),
  attempt: simple(({ attempt }) => `${attempt}`),
  error: simple(({ error }) => error ?? ""),
  from: simple(({ from }) => from),
  to: simple(({ to }) => to),
  orcpt: simple(({ orcpt }) => orcpt ?? ""),
  envid: simple(({ origin }) => origin.envid ?? ""),
  listener: simple(({ origin }) => origin.listener ?? ""),
};

function checksOf({ chain, name, pin }: AttemptTls["verify"]): string {
  const checks = [
    ["chain", chain],
    ["name", name],
    ["pin", pin],
  ];
  return checks.flatMap(([check, result]) => (result === null ? [] : [`${check}=${result}`])).join(",");
}

export const attemptValues: Makers<AttemptRecord> = { ...specifiers, ...tlsMacros, ...prefixed(ownMacros) };

export function prefixed<Source>(makers: Makers<Source>): Makers<Source> {
  return Object.fromEntries(Object.entries(makers).map(([name, maker]) => [`letterlock_${name}`, maker]));
}
