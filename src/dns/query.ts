/**
 * The questions that Letterlock asks, and their packets.
 * Not here: answers (`message.ts`), sockets (`udp-exchange.ts`, `tcp-exchange.ts`).
 */
import { randomInt } from "node:crypto";
import packet from "dns-packet";
import type { IpAddress } from "../mail/address.ts";
import type { Domain } from "../mail/domain.ts";

export type DnsServer = Readonly<{
  address: IpAddress;
  port: number;
  /** Its AD bit is believed (RS-1): it validates, and nobody sits between it and us. */
  trusted: boolean;
}>;

export type QuestionType = "A" | "AAAA" | "MX" | "PTR" | "TXT";

export type Question = Readonly<{ name: Domain; type: QuestionType }>;

/** One packet's worth of question: the id is fresh for each (RS-4). */
export type Query = Readonly<{ id: number; question: Question; bytes: Buffer; maxUdpBytes: number }>;

/** What we say that we take over UDP: fits every path unfragmented (RS-2). */
const ednsPayloadBytes = 1232;
/** RFC 1035 §4.2.1, for a server that knows no EDNS. */
const plainPayloadBytes = 512;

/**
 * RD and AD set, CD clear; with EDNS also DO. A resolver may only set AD for a client that set AD or DO (RS-2).
 *
 * @param edns `without` for a server that answered FORMERR or NOTIMP to it (RS-9)
 */
export function makeQuery(question: Question, edns: "with" | "without"): Query {
  const id = randomInt(65536);
  const bytes = packet.encode({
    type: "query",
    id,
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type: question.type, name: question.name, class: "IN" }],
    additionals: edns === "with" ? [opt] : [],
  });
  return { id, question, bytes, maxUdpBytes: edns === "with" ? ednsPayloadBytes : plainPayloadBytes };
}

const opt: packet.OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: ednsPayloadBytes,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: packet.DNSSEC_OK,
  flag_do: true,
  options: [],
};
