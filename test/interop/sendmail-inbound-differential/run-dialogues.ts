/**
 * Plays dialogues inside the namespace, as clients at their own addresses. In: what to play (`Play`). Out: what was
 * answered, one `Transcript` for each dialogue, in order.
 */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type ClientCertificate, type Heard, Voice } from "../lab/voice.ts";
import { abilities } from "./clients.ts";
import type { Dialogue, Step } from "./dialogues.ts";

export type Play = Readonly<{
  dialogues: readonly Dialogue[];
  /** By the name that dialogues call them by. */
  certificates: Readonly<Record<string, ClientCertificate>>;
}>;

/** What was said, and what followed: `replies[i]` is the answer to `said[i]`; the first one is the greeting's. */
export type Transcript = readonly Readonly<{ said: string; heard: Heard }>[];

const atATime = 12;
const { dialogues, certificates } = JSON.parse(await text(process.stdin)) as Play;
const transcripts: Transcript[] = [];
const queue = dialogues.entries();
await Promise.all(
  Array.from({ length: atATime }, async () => {
    for (const [at, dialogue] of queue) transcripts[at] = await play(dialogue);
  }),
);
console.log(JSON.stringify(transcripts));

async function play(dialogue: Dialogue): Promise<Transcript> {
  const { address, port, implicit } = dialogue.place;
  const socket = connect({ host: address, port, localAddress: dialogue.client.address });
  const transcript: { said: string; heard: Heard }[] = [];
  const note = (said: string, heard: Heard): boolean => transcript.push({ said, heard }) > 0 && heard.kind !== "closed";
  const ciphers = abilities[dialogue.client.ability];
  const limits = ciphers === undefined ? {} : { ciphers, maxVersion: "TLSv1.2" as const };
  const voice = new Voice(socket, { ...limits, ...certificates[dialogue.client.certificate] });
  let goesOn = !implicit || note("(handshake)", await voice.handshake());
  goesOn &&= note("(connect)", await voice.hear());
  for (const step of dialogue.steps) {
    if (!goesOn) break;
    goesOn = await take(step, voice, note);
  }
  voice.end();
  return transcript;
}

async function take(
  { say, behind }: Step,
  voice: Voice,
  note: (said: string, heard: Heard) => boolean,
): Promise<boolean> {
  voice.say(behind === undefined ? `${say}\r\n` : `${say}\r\n${behind}\r\n`);
  const heard = await voice.hear();
  if (!note(say, heard)) return false;
  if (heard.kind !== "reply") return true;
  if (heard.code === 354) {
    voice.say("Subject: test\r\n\r\ntest\r\n.\r\n");
    return note("(message)", await voice.hear());
  }
  if (/^STARTTLS/i.test(say) && heard.code === 220) return note("(handshake)", await voice.handshake());
  return behind === undefined || note(behind, await voice.hear());
}
