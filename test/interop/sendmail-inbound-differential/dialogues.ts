/**
 * What clients say: for each configuration its share of dialogues, each of a client drawn by chance who says what clients
 * say, mostly in order, and now and then out of it.
 */
import { Random } from "../sendmail-differential/random.ts";
import { type Ability, type CertificateKind, certificateKinds, clientAddresses } from "./clients.ts";
import { type Place, placeOf, type Setup } from "./setups.ts";

export type Client = Readonly<{ address: string; certificate: CertificateKind; ability: Ability }>;

/** `behind`: sent in the same write, before the reply is read. */
export type Step = Readonly<{ say: string; behind?: string }>;

export type Dialogue = Readonly<{ setup: string; place: Place; client: Client; steps: readonly Step[] }>;

const perSetup = 15;
/** Sendmail slows down whoever says it more often. */
const maxHellos = 3;

export function dialoguesFor(seed: number, setups: readonly Setup[]): readonly Dialogue[] {
  const random = new Random(seed + 1);
  const drawn = setups.flatMap((setup) => Array.from({ length: perSetup }, () => dialogue(setup, random)));
  return [...drawn, ...setups.flatMap((setup) => written.filter(({ of }) => of === setup.name).map(as(setup)))];
}

/** What chance seldom draws. */
type Written = Readonly<{ of: string; port: number; client: Client; says: readonly string[] }>;

const pc: Client = { address: "127.0.1.1", certificate: "pc", ability: "newest" };
const stranger: Client = { address: "127.0.2.10", certificate: "none", ability: "newest" };
const barredFor = Array.from({ length: 27 }, (_, at) => (at % 2 === 0 ? "MAIL FROM:<>" : "VRFY <b@good.example>"));

const written: readonly Written[] = [
  { of: "letters", port: 465, client: pc, says: ["EHLO client.example", "STARTTLS", "MAIL FROM:<>"] },
  { of: "sessions", port: 25, client: pc, says: ["EHLO client.example", "STARTTLS", "MAIL FROM:<>", "STARTTLS"] },
  { of: "everybody", port: 25, client: { ...pc, certificate: "none" }, says: ["STARTTLS", ...barredFor] },
  { of: "connect", port: 25, client: { ...pc, address: "127.0.1.4" }, says: ["EHLO client.example", ...barredFor] },
  { of: "ports", port: 25, client: stranger, says: ["MAIL FROM:<>", "RCPT TO:<b@far.example>", "DATA"] },
  { of: "polite", port: 25, client: pc, says: ["EHLO client.example", "STARTTLS", "MAIL FROM:<>"] },
];

function as(setup: Setup): (dialogue: Written) => Dialogue {
  return ({ of, port, client, says }) => {
    return { setup: of, place: placeOf(setup, port), client, steps: says.map((say) => ({ say })) };
  };
}

function dialogue(setup: Setup, random: Random): Dialogue {
  const ports = Object.keys(setup.ports).map(Number);
  return {
    setup: setup.name,
    place: placeOf(setup, random.pick(ports)),
    client: {
      address: random.pick(clientAddresses),
      certificate: random.pick(certificateKinds),
      ability: random.pick(["newest", "newest", "newest", "aes128", "rsa"]),
    },
    steps: limited(script(random)),
  };
}

/** In clear, into TLS, inside it, and perhaps an end. */
function script(random: Random): Step[] {
  const steps: Step[] = [];
  if (!random.once(6)) steps.push(hello(random));
  steps.push(...some(random, random.below(4)));
  if (!random.once(5)) steps.push(...startTls(random));
  if (!random.once(3)) steps.push(hello(random));
  steps.push(...some(random, 1 + random.below(4)));
  if (random.once(2)) steps.push(...message(random));
  if (random.once(8)) steps.push({ say: "STARTTLS" }, ...some(random, 2));
  if (random.once(2)) steps.push({ say: "QUIT" });
  return steps;
}

function hello(random: Random): Step {
  return { say: random.once(6) ? "HELO client.example" : "EHLO client.example" };
}

function startTls(random: Random): Step[] {
  const behind = random.pick(["NOOP", "RSET", "MAIL FROM:<behind@sender.example>"]);
  const plain: Step = { say: "STARTTLS" };
  return random.pick<Step[]>([
    [plain],
    [plain],
    [plain],
    [{ say: "RSET" }, plain],
    [{ say: "starttls now" }, plain],
    [{ ...plain, behind }],
    [{ say: "RSET" }, { ...plain, behind }],
  ]);
}

function message(random: Random): Step[] {
  return [{ say: random.pick(senders) }, ...recipientsOf(random), { say: "DATA" }, { say: "RSET" }];
}

function recipientsOf(random: Random): Step[] {
  return random.some(recipients, 1 + random.below(2)).map((say) => ({ say }));
}

const senders = ["MAIL FROM:<a@sender.example>", "MAIL FROM:<a@sender.example>", "MAIL FROM:<>"] as const;

const recipients = [
  "RCPT TO:<b@good.example>",
  "RCPT TO:<b@sub.good.example>",
  "RCPT TO:<b@far.example>",
  "RCPT TO:<b@relayed.example>",
  "RCPT TO:<b@sub.relayed.example>",
  "RCPT TO:<b@xrelayed.example>",
  "RCPT TO:<b@other.inside.test>",
] as const;

const words = [
  ...senders,
  ...recipients,
  "NOOP",
  "RSET",
  "VRFY <b@good.example>",
  "HELP",
  "WHAT",
  "DATA",
  "AUTH EXTERNAL =",
  "AUTH PLAIN AGEAYg==",
  "AUTH NONSENSE",
] as const;

function some(random: Random, count: number): Step[] {
  return Array.from({ length: count }, () => ({ say: random.pick(words) }));
}

/** Nobody says hello too often. */
function limited(steps: readonly Step[]): Step[] {
  let hellos = 0;
  return steps.filter(({ say }) => !/^(?:EHLO|HELO)/.test(say) || ++hellos <= maxHellos);
}
