/**
 * What each macro prints of an inbound record, once for each recipient: at reception and rejection. There is no
 * outbound connection yet, so the macros of tls_macros say so (momentum reference 3).
 */
import { domainPartOf, localPartOf } from "../../mail/address-text.ts";
import type { InboundRecord, InboundTls } from "../../mail/inbound-record.ts";
import { placeOfRule } from "../../mail/rule-place.ts";
import { acceptedId, noId } from "../momentum/identity.ts";
import { replyWords } from "../words/reply-text.ts";
import { createStrftime } from "../words/strftime.ts";
import { prefixed } from "./attempt-values.ts";
import { clientOfInbound, connectionValue, messageValue } from "./context-values.ts";
import { digitsOf, type Makers, nothing, type Print, seconds, secondsWith, simple } from "./value.ts";

function recipient({ to }: InboundRecord, at: number): string {
  return to[at] ?? "";
}

const specifiers: Makers<InboundRecord> = {
  A: simple(({ by }) => by ?? ""),
  b: simple(({ binding }) => binding ?? ""),
  g: simple(({ bindingGroup, binding }) => bindingGroup ?? (binding === null ? "" : "default")),
  B: simple(({ sizeBytes }) => `${sizeBytes ?? ""}`),
  BI: simple(({ messageId }) => messageId ?? noId),
  c: simple(nothing),
  C: simple(nothing),
  CI: simple(({ session }) => session),
  OC: simple(nothing),
  d: simple((record, _, at) => domainPartOf(recipient(record, at))),
  H: simple(({ client }) => client),
  h: (name = "") => {
    const key = name.toLowerCase();
    return ({ headers }) => (Object.hasOwn(headers, key) ? (headers[key] ?? "") : "");
  },
  i: simple((record, _, at) => acceptedId(record, at)),
  m: simple(({ from }) => localPartOf(from ?? "")),
  M: simple(({ from }) => domainPartOf(from ?? "")),
  /** Without the reply's code: custom_logger's sample of a rejection log. */
  n: simple(({ event, reply }) => (event === "accepted" ? "" : replyWords(reply))),
  N: simple(() => "0"),
  /** `unknown` before EHLO: the same sample. */
  p: simple(({ stage }) => (stage === "client" ? "unknown" : "esmtp")),
  P: simple(() => "default"),
  PG: simple(() => "default"),
  r: simple((record, _, at) => localPartOf(recipient(record, at))),
  R: simple((record, _, at) => domainPartOf(recipient(record, at))),
  s: simple(nothing),
  S: simple(() => "22"),
  t: (format) => {
    const print = format === undefined ? seconds : createStrftime(format);
    return (_, ms) => print(ms);
  },
  T: (decimals) => {
    const zero = (0).toFixed(digitsOf(decimals, 2));
    return () => zero;
  },
  us: (decimals) => {
    const print = secondsWith(decimals);
    return (_, ms) => print(ms);
  },
  U: simple(({ user }) => user ?? ""),
  vctx_conn: (key = "") => {
    const value = connectionValue(key);
    return value === undefined ? tlsValue(key) : (record) => value(clientOfInbound(record));
  },
  vctx_mess: (key = "") => {
    const value = messageValue(key);
    return value === undefined ? tlsValue(key) : (record, _, at) => value(record.from ?? "", recipient(record, at));
  },
};

function tlsValue(key: string): Print<InboundRecord> {
  return key === "outbound_tls" ? () => "unknown" : nothing;
}

/** With TLS alone. */
function ofTls(print: (tls: InboundTls) => string | null | undefined) {
  return simple(({ tls }: InboundRecord) => (tls.protocol === null ? "" : (print(tls) ?? "")));
}

/** Without the prefix. */
const ownMacros: Makers<InboundRecord> = {
  event: simple(({ event }) => event),
  tls_required: simple(({ tls }) => tls.required),
  tls_achieved: simple(({ tls }) => tls.achieved),
  tls_rule: simple(({ rule }) => placeOfRule(rule)),
  tls_verify: simple(({ tls }) => (tls.chain === null ? "" : `chain=${tls.chain}`)),
  tls_protocol: ofTls(({ protocol }) => protocol),
  tls_cipher: ofTls(({ cipher }) => cipher),
  tls_group: ofTls(({ group }) => group),
  tls_peer: ofTls(({ client }) => client?.subject),
  tls_peer_issuer: ofTls(({ client }) => client?.issuer),
  tls_peer_sha: ofTls(({ client }) => client?.sha256),
  tls_peer_until: ofTls(({ client }) => client?.notAfter),
  tls_monitor: simple(({ tls }) => tls.monitor ?? ""),
  mx: simple(({ clientName }) => clientName ?? ""),
  port: simple(({ clientPort }) => `${clientPort}`),
  status: simple(({ reply }) => reply.enhanced ?? ""),
  from: simple(({ from }) => from ?? ""),
  to: simple((record, _, at) => recipient(record, at)),
  orcpt: simple(({ orcpts }, _, at) => orcpts[at] ?? ""),
  envid: simple(({ envid }) => envid ?? ""),
  listener: simple(({ listener }) => listener),
};

/** A macro that is not here prints nothing. */
export const inboundValues: Makers<InboundRecord> = {
  ...specifiers,
  outbound_tls: () => tlsValue("outbound_tls"),
  ...prefixed(ownMacros),
};
