/**
 * What Sendmail says of the sessions of clients: that they came, how they were encrypted, who logged in, what was taken
 * and what refused. Rulesets' names stand for the moments at which we refuse.
 */
import type { InboundRecord } from "../../mail/inbound-record.ts";
import type { EventOf } from "../../observe/events.ts";
import { angled } from "../words/printable.ts";
import { certificateLine, handshakeError, handshakeFields, messageClass } from "./delivery-lines.ts";
import { replyField } from "./delivery-status.ts";
import { levels } from "./levels.ts";
import { clientVerifyWord } from "./verify-word.ts";
import { bracketed, clientPeer, fieldless } from "./words.ts";

export function connectLine(event: EventOf<"session-started">): string {
  return `NOQUEUE: connect from ${clientPeer(event)}`;
}

export function handshakeLines(event: EventOf<"inbound-handshake">, level: number): readonly string[] {
  if (level < levels.handshake) return [];
  const { protocol, cipher, bits, certificate, chain, certificateAsked } = event;
  const verify = clientVerifyWord(certificate, chain, certificateAsked);
  const fields = handshakeFields({ protocol, verify, cipher, bits });
  const line = `STARTTLS=server, relay=${clientPeer(event)}, ${fields}`;
  return level < levels.certificate ? [line] : [line, certificateLine("server", certificate, chain)];
}

export function handshakeErrorLine(event: EventOf<"inbound-handshake-failed">): string {
  return `${handshakeError("server", "accept", fieldless(event.error))}, relay=${clientPeer(event)}`;
}

/** Of a failed log-in, in the words of the library that Sendmail asks. */
export function logInLine(event: EventOf<"log-in">, level: number): string | undefined {
  const { mechanism, user, result } = event;
  const relay = `relay=${clientPeer(event)}`;
  if (result === "ok") {
    if (level < levels.logIn) return undefined;
    return `AUTH=server, ${relay}, authid=${fieldless(user ?? "")}, mech=${mechanism}, bits=0`;
  }
  if (level < levels.logInFailed) return undefined;
  const why = result === "temporary" ? "temporary failure (-1)" : "authentication failure (-13)";
  const cause = `SASL${why.slice(why.indexOf("("))}: ${why.replace(/ \(.*/, "")}: checkpass failed`;
  const who = user === null ? "" : `, user=${fieldless(user)}`;
  return `AUTH failure (${mechanism}): ${why} ${cause}${who}, ${relay}`;
}

/** How a session ended, where it was no leave-taking. */
export function endLine(event: EventOf<"session-ended">, level: number): string | undefined {
  const { session, reason, commands, lastCommand, listener, refusals } = event;
  const peer = clientPeer(event);
  if (reason === "timeout") {
    const moment = lastCommand === "connect" ? "server startup" : "server cmd read";
    return level < levels.timeout ? undefined : `${session}: timeout waiting for input from ${peer} during ${moment}`;
  }
  if (broughtNothing(commands)) {
    if (level < levels.nothingAsked || refusals > 0) return undefined;
    return `${session}: ${peer} did not issue MAIL/EXPN/VRFY/ETRN during connection to ${listener}`;
  }
  if (!lostReasons.has(reason) || !midway.has(lastCommand) || level < levels.lost) return undefined;
  if (lastCommand === "data" || lastCommand === "bdat") return `${session}: collect: premature EOM: unexpected close`;
  return `${session}: lost input channel from ${peer} to ${listener} after ${lastCommand}`;
}

function broughtNothing(commands: EventOf<"session-ended">["commands"]): boolean {
  return commands.mail === undefined && commands.vrfy === undefined && commands.expn === undefined;
}

const lostReasons: ReadonlySet<string> = new Set(["closed by client", "connection lost"]);
/** What leaves a transaction open. */
const midway: ReadonlySet<string> = new Set(["mail", "rcpt", "data", "bdat"]);

/** A message that was taken. */
export function takenLine(record: InboundRecord): string {
  const { messageId, id, from, sizeBytes, to, headers, protocol, listener } = record;
  const given = headers["message-id"];
  const msgid = given === undefined ? "" : `, msgid=${angled(given.replace(/^<|>$/g, ""))}`;
  const what = `size=${sizeBytes ?? 0}, class=${messageClass(headers)}, nrcpts=${to.length}${msgid}`;
  return `${messageId ?? id}: from=${angled(from ?? "")}, ${what}, proto=${protocol}, daemon=${listener}, relay=${clientPeer(record)}`;
}

/** @returns undefined for a failed log-in, of which a line of its own tells */
export function refusalLine(record: InboundRecord): string | undefined {
  const { stage, session, from } = record;
  const end = `relay=${clientPeer(record)}, reject=`;
  switch (stage) {
    case "client":
      return connectionRefusal(record);
    case "starttls":
      return `ruleset=tls_client, arg1=${verifyOf(record)}, arg2=STARTTLS, ${end}${replyField(record.reply)}`;
    case "mail":
      // The client itself was turned away, whatever it says.
      if (from === null) return connectionRefusal(record);
      return `${session}: ruleset=check_mail, arg1=${angled(from)}, ${end}${replyField(record.reply)}`;
    case "rcpt":
      return `${session}: ruleset=check_rcpt, arg1=${angled(record.to.at(-1) ?? "")}, ${end}${rcptReply(record)}`;
    case "data":
      return `${session}: ruleset=check_eom, ${end}${replyField(record.reply)}`;
    default:
      return undefined;
  }
}

function connectionRefusal(record: InboundRecord): string {
  const { client, clientName, reply } = record;
  const name = clientName ?? bracketed(client);
  return `ruleset=check_relay, arg1=${name}, arg2=${client}, relay=${clientPeer(record)}, reject=${replyField(reply)}`;
}

/** Sendmail names the recipient, and says in its own words that it relays nothing. */
function rcptReply({ reply, reason, to }: InboundRecord): string {
  const text = reason === "relay" ? "Relaying denied" : reply.text;
  return replyField({ ...reply, text: `${angled(to.at(-1) ?? "")}... ${text}` });
}

function verifyOf({ tls }: InboundRecord): string {
  return tls.protocol === null ? "" : clientVerifyWord(tls.client, tls.chain, tls.required !== "encrypted");
}
