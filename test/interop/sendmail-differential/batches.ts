/**
 * The questions about rulesets, batch by batch: first every value there is against peers of every kind, then access maps
 * by chance, asked by chance.
 */
import { accessText, exemptions, issuerTags, malformed, wellFormedExamples } from "./access-texts.ts";
import type { PeerState } from "./peers.ts";
import { Random } from "./random.ts";
import { plainVariant, type Variant } from "./real-sendmail.ts";
import type { Party, Question } from "./rulesets.ts";

export type Batch = Readonly<{ name: string; variant: Variant; access: string; questions: readonly Question[] }>;

export type PeerStates = Readonly<{ servers: readonly PeerState[]; clients: readonly PeerState[] }>;

const parties: readonly Party[] = [
  { name: "mx.partner.example", address: "192.0.2.7" },
  { name: "mx1.eu.partner.example", address: "192.0.2.77" },
  { name: "xpartner.example", address: "192.0.20.7" },
  { name: "mx-in.clinic.example", address: "203.0.113.5" },
  { name: "a.b.c.d.deep.example", address: "198.51.100.9" },
  { name: "mx.partner.example", address: "2001:db8::1" },
  { name: "elsewhere.test", address: "2001:db8:0:1::25" },
  { name: "elsewhere.test", address: "192.0.2.7" },
  { name: "elsewhere.test", address: "192.0.77.1" },
  { name: undefined, address: "192.0.2.7" },
  { name: undefined, address: "192.0.3.4" },
  { name: undefined, address: "2001:db8::1" },
];

const recipients = [
  "ceo@clinic.example",
  "CEO@Clinic.EXAMPLE",
  "ceo+tag@clinic.example",
  "ceo+other@clinic.example",
  "ceo+tag+more@clinic.example",
  "ceo+@clinic.example",
  "+tag@clinic.example",
  "ceo@sub.clinic.example",
  "ceo+tag@sub.clinic.example",
  "ceo@deep.sub.clinic.example",
  "first.last@clinic.example",
  "other@clinic.example",
  "ceo@partner.example",
  "someone@mx.partner.example",
  "someone@elsewhere.test",
  "ceo@[192.0.2.7]",
  "someone@[192.0.2.7]",
  "someone@xclinic.example",
  '"ceo"@clinic.example',
  '"a b"@clinic.example',
  "o'brien=x@clinic.example",
] as const;

const [partner = { name: undefined, address: "192.0.2.7" }] = parties;
const neutral = "nobody@neutral.test";

export function batches(seed: number, states: PeerStates): readonly Batch[] {
  const random = new Random(seed);
  return [...valueBatches(random, states), ...Array.from({ length: 32 }, (_, at) => chanceBatch(random, states, at))];
}

/** Each value under a key of its own, each held against six peers. */
function valueBatches(random: Random, states: PeerStates): Batch[] {
  const values = [...wellFormedExamples, ...malformed, ...exemptions];
  const hostOf = (at: number): string => `mx.v${at}.example`;
  const tags = issuerTags(random);
  return [false, true].map((permanent) => ({
    name: permanent ? "every value, TLS_PERM_ERR" : "every value",
    variant: { ...plainVariant, skip: true, permanent },
    access: `${[...values.map((value, at) => `TLS_Srv:${hostOf(at)}\t${value}`), ...tags].join("\n")}\n`,
    questions: values.flatMap((_, at) =>
      random.some(states.servers, permanent ? 2 : 6).map((peer): Question => {
        const party = { name: hostOf(at), address: partner.address };
        return { ruleset: "tls_server", party, peer, recipient: neutral };
      }),
    ),
  }));
}

function chanceBatch(random: Random, { servers, clients }: PeerStates, at: number): Batch {
  // Where the handshake broke, no recipient is ever told.
  const reached = servers.filter(({ verify }) => !["SOFTWARE", "PROTOCOL", "FAILURE"].includes(verify));
  const met = { tls_server: servers, try_tls: servers, tls_rcpt: reached, tls_client: clients, RelayTLS: clients };
  const ask = (ruleset: Question["ruleset"]): Question => ({
    ruleset,
    party: random.pick(parties),
    peer: random.pick(met[ruleset]),
    recipient: ruleset === "tls_rcpt" ? random.pick(recipients) : neutral,
  });
  const rulesets = ["tls_server", "tls_server", "tls_rcpt", "tls_rcpt", "tls_client", "try_tls", "RelayTLS"] as const;
  return {
    name: `chance ${at}`,
    variant: {
      ...plainVariant,
      skip: random.once(2),
      lookupDotDomain: random.once(2),
      permanent: random.once(6),
      sessionFeatures: random.once(3),
    },
    access: accessText(random),
    questions: Array.from({ length: 36 }, () => ask(random.pick(rulesets))),
  };
}
