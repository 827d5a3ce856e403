/**
 * A restriction list held against a client: how it ends, and what was demanded on the way. Pure.
 *
 * Who the client is by its certificate is not known here: a word that lets certificates through is remembered, and the
 * walk goes on for those who have none of them.
 */
import type { IpAddress, Mailbox } from "../../../mail/address.ts";
import type { Domain } from "../../../mail/domain.ts";
import type { Origin } from "../../rules.ts";
import { type AccessOptions, findClient, findMailbox, readAction } from "./access-lookup.ts";
import type { Answer, CertificateHolders, Stage, Step } from "./restriction-step.ts";
import { configurationError, lookupError } from "./restriction-step.ts";

export type Asked = Readonly<{
  client: IpAddress;
  clientName: Domain | undefined;
  user: string | undefined;
  /** `unknown`: who may relay is asked, for whatever sender and recipient outside our domains. */
  envelope: Readonly<{ sender: Mailbox | undefined; recipient: Mailbox | undefined }> | "unknown";
}>;

export type WalkTools = Readonly<{
  inNetworks: (client: IpAddress) => boolean;
  isOurself: (client: IpAddress) => boolean;
  isOurDomain: (recipient: Mailbox) => boolean;
  access: AccessOptions;
  codes: Readonly<{ reject: number; defer: number }>;
  /** What an access table answers with. */
  readValue: (value: string, from: Origin, stage: Stage) => readonly Step[];
}>;

type Refused = Readonly<{ step: Step; answer: Answer }>;

export type Walked = Readonly<{
  end: "permit" | "through" | Refused;
  /** The first demand for encryption that the client met. */
  needTls: Refused | undefined;
  /** Whose certificates end the walk with a permit, where it would go on or end otherwise. */
  holders: readonly Readonly<{ step: Step; holders: CertificateHolders }>[];
  /** A check was passed that is not made here. */
  unsure: boolean;
}>;

/** Access tables may name classes that name access tables. */
const maxDepth = 10;

export function walk(steps: readonly Step[], stage: Stage, asked: Asked, tools: WalkTools): Walked {
  const walking = new Walking(stage, asked, tools);
  const end = walking.through(steps, 0) ?? "through";
  const { needTls, holders, unsure } = walking;
  return { end, needTls, holders, unsure };
}

type End = "permit" | Refused | undefined;

class Walking {
  needTls: Refused | undefined;
  readonly holders: { step: Step; holders: CertificateHolders }[] = [];
  unsure = false;
  readonly #stage: Stage;
  readonly #asked: Asked;
  readonly #tools: WalkTools;

  constructor(stage: Stage, asked: Asked, tools: WalkTools) {
    this.#stage = stage;
    this.#asked = asked;
    this.#tools = tools;
  }

  through(steps: readonly Step[], depth: number): End {
    for (const step of steps) {
      const end = this.#take(step, depth);
      if (end !== undefined) return end;
    }
    return undefined;
  }

  #take(step: Step, depth: number): End {
    switch (step.kind) {
      case "permit":
        return "permit";
      case "reject":
        return { step, answer: step.answer };
      case "need-tls":
        this.needTls ??= { step, answer: step.answer };
        return undefined;
      case "permit-where":
        return this.#isThere(step.who) ? "permit" : undefined;
      case "permit-certificate":
        // Behind a check that is not made here a certificate lets nobody in.
        if (!this.unsure) this.holders.push({ step, holders: step.holders });
        return undefined;
      case "reject-foreign":
        // Otherwise whoever decides on relaying looks after it.
        return this.#asked.envelope === "unknown" ? { step, answer: configurationError } : undefined;
      case "may-refuse":
        this.unsure = true;
        return undefined;
      case "access":
        return this.#look(step, depth);
    }
  }

  #isThere(who: "networks" | "users" | "ourselves" | "own-domains"): boolean {
    const { client, user, envelope } = this.#asked;
    if (who === "users") return user !== undefined;
    if (who === "networks") return this.#tools.inNetworks(client);
    if (who === "ourselves") return this.#tools.isOurself(client);
    return envelope !== "unknown" && envelope.recipient !== undefined && this.#tools.isOurDomain(envelope.recipient);
  }

  #look(step: Extract<Step, { kind: "access" }>, depth: number): End {
    const { envelope } = this.#asked;
    if (step.of !== "client" && envelope === "unknown") return undefined;
    const found =
      envelope === "unknown" || step.of === "client"
        ? findClient(step.table, this.#asked, this.#tools.access)
        : findMailbox(step.table, envelope[step.of], this.#tools.access);
    if (found.kind === "none") return undefined;
    if (found.kind === "error" || depth >= maxDepth) return { step, answer: lookupError };
    const { value, from } = found.hit;
    const at: Origin = { ...step.from, ...from, scope: step.written };
    const action = readAction(value, this.#tools.codes);
    const written = { ...step, from: at, written: `${step.written}: ${from.written}` };
    switch (action.kind) {
      case "permit":
        return "permit";
      case "pass":
        return undefined;
      case "reject":
        return { step: written, answer: action.answer };
      case "unusable":
        return { step: written, answer: configurationError };
      case "restrictions":
        return this.through(this.#tools.readValue(action.list, at, this.#stage), depth + 1);
    }
  }
}
