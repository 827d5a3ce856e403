/**
 * The opening words: the peer's greeting, then EHLO and what it offers; HELO only for a peer that refuses EHLO for good
 * and where TLS is not required (CL-1, CL-2, CL-15, AT-3).
 */
import { type Reply, replyClass } from "../../mail/reply.ts";
import { type Capabilities, noCapabilities, parseCapabilities } from "./capabilities.ts";
import type { Conversation } from "./conversation.ts";
import type { OpenResult } from "./sender.ts";

export type Failure = Extract<OpenResult, { kind: "refused" | "unreachable" }>;

/** `undefined` when the peer is ready to listen. */
export async function hearGreeting(talk: Conversation): Promise<Failure | undefined> {
  const [reply] = await talk.read(1, () => "greeting");
  return refusal(talk, "greeting", reply);
}

export type Hello =
  | Readonly<{ kind: "heard"; peer: Capabilities }>
  /** EHLO was refused for good, and HELO was not wanted. */
  | Readonly<{ kind: "no-ehlo"; failure: Failure }>
  | Readonly<{ kind: "failed"; failure: Failure }>;

export async function sayHello(talk: Conversation, name: string, helo: "allowed" | "unwanted"): Promise<Hello> {
  const reply = await talk.ask("ehlo", `EHLO ${name}\r\n`);
  if (reply !== undefined && reply.code >= 500) {
    return helo === "allowed"
      ? sayHelo(talk, name)
      : { kind: "no-ehlo", failure: { kind: "refused", stage: "ehlo", reply, connection: talk.local } };
  }
  const failure = refusal(talk, "ehlo", reply);
  if (failure !== undefined) return { kind: "failed", failure };
  return { kind: "heard", peer: reply === undefined ? noCapabilities : parseCapabilities(reply) };
}

async function sayHelo(talk: Conversation, name: string): Promise<Hello> {
  const failure = refusal(talk, "ehlo", await talk.ask("ehlo", `HELO ${name}\r\n`));
  return failure === undefined ? { kind: "heard", peer: noCapabilities } : { kind: "failed", failure };
}

/** The conversation as it broke: always temporary (CL-7). */
export function unreachable(talk: Conversation): Failure {
  const { stage, status, code, text } = talk.broken ?? lostAtOnce;
  return { kind: "unreachable", stage, status, code, text, connection: talk.local };
}

const lostAtOnce = { stage: "connect", status: "4.4.2", code: "CLOSED", text: "connection lost" } as const;

/** 4yz and 5yz are refusals. EHLO and HELO want 250, a greeting any 2yz but 221; the rest is no answer (ST-18). */
function refusal(talk: Conversation, stage: "greeting" | "ehlo", reply: Reply | undefined): Failure | undefined {
  if (reply === undefined) return unreachable(talk);
  if (reply.code >= 400) return { kind: "refused", stage, reply, connection: talk.local };
  const welcome = stage === "ehlo" ? reply.code === 250 : replyClass(reply) === "success" && reply.code !== 221;
  if (welcome) return undefined;
  talk.reject(`${reply.code} is no answer`);
  return unreachable(talk);
}
