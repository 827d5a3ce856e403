/**
 * What the lab's DNS server says: a zone as a plain object, and the true answer to a question about it. Pure.
 */
import packet from "dns-packet";

export type LabName = Readonly<{
  a?: readonly string[];
  aaaa?: readonly string[];
  /** A host of `.` is a null MX. */
  mx?: readonly (readonly [preference: number, host: string])[];
  /** A list is one record of several strings. */
  txt?: readonly (string | readonly string[])[];
  /** Of a name below `in-addr.arpa` or `ip6.arpa`. */
  ptr?: readonly string[];
  cname?: string;
  /** Answers about this name carry AD, when the question asked for it. */
  ad?: boolean;
  /** Of the records; 300 when absent. */
  ttlSeconds?: number;
  /** Of a denial, as its SOA says; 60 when absent, no SOA at all when `none`. */
  negativeTtlSeconds?: number | "none";
  misbehave?: LabMisbehaviour | Readonly<Partial<Record<string, LabMisbehaviour>>>;
}>;

/** By name: lower case, no trailing dot. A name that is not here is NXDOMAIN, with AD when `"."` has it. */
export type LabZone = Record<string, LabName>;

/**
 * - `servfail` comes with the extended error 6, as for a bogus zone; `formerr-edns` refuses any question with EDNS.
 * - `truncate`: TC without records over UDP, whole over TCP; `truncate-always`: TC over TCP too; `no-tcp`: TC, then
 *   the connection is closed.
 * - `wrong-id`, `wrong-question`, `not-a-response`, `garbage`: such a packet with a forger's records, then the truth.
 *   `wrong-port`: the forger's packet from another port, and nothing more.
 * - `partial`: a CNAME without its target. `oversize`: over UDP more than the asker takes. `trailing`: octets after
 *   the end.
 */
export type LabMisbehaviour =
  | "servfail"
  | "refused"
  | "formerr-edns"
  | "drop"
  | "truncate"
  | "truncate-always"
  | "no-tcp"
  | "wrong-id"
  | "wrong-question"
  | "not-a-response"
  | "garbage"
  | "wrong-port"
  | "partial"
  | "oversize"
  | "trailing";

export type LabQuestion = Readonly<{
  id: number;
  name: string;
  type: packet.RecordType;
  transport: "udp" | "tcp";
  clientPort: number;
  /** Undefined: no EDNS. */
  edns: Readonly<{ payloadBytes: number; dnssecOk: boolean }> | undefined;
  recursionDesired: boolean;
  authenticData: boolean;
  checkingDisabled: boolean;
}>;

const formErr = 1;
const servFail = 2;
const nxDomain = 3;
const refused = 5;
const extendedErrorOption = 15;

/** `undefined`: no question that can be answered. */
export function readQuestion(
  bytes: Buffer,
  transport: LabQuestion["transport"],
  clientPort: number,
): LabQuestion | undefined {
  const query = decode(bytes);
  const asked = query?.questions?.[0];
  if (query === undefined || query.flag_qr || asked === undefined) return undefined;
  const opt = query.additionals?.find((record) => record.type === "OPT");
  return {
    id: query.id ?? 0,
    name: asked.name.toLowerCase(),
    type: asked.type,
    transport,
    clientPort,
    edns: opt && { payloadBytes: opt.udpPayloadSize, dnssecOk: opt.flag_do },
    recursionDesired: query.flag_rd,
    authenticData: query.flag_ad,
    checkingDisabled: query.flag_cd,
  };
}

function decode(bytes: Buffer): packet.DecodedPacket | undefined {
  try {
    return packet.decode(bytes);
  } catch {
    return undefined;
  }
}

export function misbehaviourFor(zone: LabZone, { name, type }: LabQuestion): LabMisbehaviour | undefined {
  const misbehave = zone[name]?.misbehave;
  return typeof misbehave === "object" ? misbehave[type] : misbehave;
}

/** The answer as it would be sent over a transport without limits. */
export function answerFor(zone: LabZone, question: LabQuestion): packet.Packet {
  const misbehaviour = misbehaviourFor(zone, question);
  if (misbehaviour === "servfail") return response(question, servFail, { extended: [6, "no valid signature"] });
  if (misbehaviour === "refused") return response(question, refused, {});
  if (misbehaviour === "formerr-edns" && question.edns !== undefined) {
    return { ...response({ ...question, edns: undefined }, formErr, {}), questions: [] };
  }
  const links = misbehaviour === "partial" ? [question.name] : chainFrom(zone, question);
  const answers = links.flatMap((name) => recordsOf(zone[name] ?? {}, name, question.type));
  const end = links.at(-1) ?? question.name;
  const denied = !answers.some((record) => record.type === question.type) && misbehaviour !== "partial";
  return response(question, zone[end] === undefined ? nxDomain : 0, {
    answers,
    authorities: denied ? soaOf(zone[end]) : [],
    authentic: links.every((name) => (zone[name] ?? zone["."])?.ad === true),
  });
}

/** TC and AD without records, as a validating resolver cuts them. */
export function cutAnswer(truth: packet.Packet): packet.Packet {
  return { ...truth, flags: (truth.flags ?? 0) | packet.TRUNCATED_RESPONSE, answers: [], authorities: [] };
}

/** What a forger would like to be believed, AD and all. */
export function forgedAnswer(question: LabQuestion, change: Partial<packet.Packet>): packet.Packet {
  const lie: LabName = {
    a: ["203.0.113.66"],
    aaaa: ["2001:db8::66"],
    mx: [[0, "forger.example"]],
    txt: ["forged"],
    ptr: ["forger.example"],
  };
  const answers = recordsOf(lie, question.name, question.type);
  return { ...response(question, 0, { answers, authentic: true }), ...change };
}

type Parts = Readonly<{
  answers?: packet.Answer[];
  authorities?: packet.Answer[];
  authentic?: boolean;
  extended?: readonly [code: number, text: string];
}>;

function response(question: LabQuestion, rcode: number, parts: Parts): packet.Packet {
  const { answers = [], authorities = [], authentic = false, extended } = parts;
  const wantsAd = question.authenticData || question.edns?.dnssecOk === true;
  return {
    type: "response",
    id: question.id,
    flags:
      packet.RECURSION_DESIRED |
      packet.RECURSION_AVAILABLE |
      (authentic && wantsAd ? packet.AUTHENTIC_DATA : 0) |
      rcode,
    questions: [{ name: question.name, type: question.type, class: "IN" }],
    answers,
    authorities,
    additionals: question.edns === undefined ? [] : [optRecord(extended)],
  };
}

function optRecord(extended: Parts["extended"]): packet.Answer {
  const options = extended === undefined ? [] : [{ code: extendedErrorOption, data: extendedError(...extended) }];
  const head = { udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: packet.DNSSEC_OK, flag_do: true };
  // The package's types know no option 15; its encoder writes any code that comes with data.
  return { type: "OPT", name: ".", ...head, options: options as unknown as packet.PacketOpt[] };
}

function extendedError(code: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(text)]);
}

/** The names from the question to where its CNAMEs end, each once. */
function chainFrom(zone: LabZone, question: LabQuestion): string[] {
  const links = [question.name];
  for (;;) {
    const next = zone[links.at(-1) ?? ""]?.cname;
    if (next === undefined || links.includes(next)) return links;
    links.push(next);
  }
}

function recordsOf(entry: LabName, name: string, type: string): packet.Answer[] {
  const base = { name, class: "IN", ttl: entry.ttlSeconds ?? 300 } as const;
  if (entry.cname !== undefined) return [{ ...base, type: "CNAME", data: entry.cname }];
  switch (type) {
    case "A":
      return (entry.a ?? []).map((data) => ({ ...base, type: "A", data }));
    case "AAAA":
      return (entry.aaaa ?? []).map((data) => ({ ...base, type: "AAAA", data }));
    case "MX":
      return (entry.mx ?? []).map(([preference, exchange]) => ({
        ...base,
        type: "MX",
        data: { preference, exchange },
      }));
    case "TXT":
      return (entry.txt ?? []).map((data) => ({ ...base, type: "TXT", data: [data].flat() }));
    case "PTR":
      return (entry.ptr ?? []).map((data) => ({ ...base, type: "PTR", data }));
    default:
      return [];
  }
}

function soaOf(entry: LabName | undefined): packet.Answer[] {
  const minimum = entry?.negativeTtlSeconds ?? 60;
  if (minimum === "none") return [];
  const data = {
    mname: "ns.example",
    rname: "hostmaster.example",
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  };
  return [{ name: ".", type: "SOA", class: "IN", ttl: 3600, data }];
}
