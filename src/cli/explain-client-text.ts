/**
 * The answers to a client in words: who and where, what is offered, what is answered in clear and inside TLS, and the
 * lines that decide. Everything that came from elsewhere is escaped already.
 */
import { styleText } from "node:util";
import { placeOfRule } from "../mail/rule-place.ts";
import type { ClientExplanation } from "./explain-client-answers.ts";
import { table } from "./table.ts";

/** Ends in a line feed. */
export function clientInWords(explanation: ClientExplanation): string {
  const rows: (readonly [label: string, text: string])[] = [
    ["client", whoInWords(explanation)],
    ["listener", listenerInWords(explanation)],
    ["TLS", tlsInWords(explanation)],
    ["certificate", certificatesInWords(explanation)],
    ["client cert", clientCertificates[explanation.offered.clientCertificate]],
    ["AUTH", authInWords(explanation)],
    ["relay", relayInWords(explanation)],
    ...explanation.demands.map((demand) => ["demand", demandInWords(demand)] as const),
    ...(explanation.atRecipient && explanation.recipient === null
      ? [["demand", "more can be told with --to: it hangs on the recipient"] as const]
      : []),
    ...answersInWords("in clear", explanation, explanation.inClear),
    ...answersInWords("inside TLS", explanation, explanation.insideTls),
  ];
  const lines = rows.map(([label, text]) => `${label.padEnd(11)} ${text}\n`).join("");
  return `${lines}\n${settingsTable(explanation.settings)}`;
}

function whoInWords({ client, clientName, clientNameUnknown, user }: ClientExplanation): string {
  const name = clientNameUnknown
    ? "name not known just now"
    : clientName === null
      ? "without a verified name"
      : `called ${clientName}`;
  return [client, name, ...(user === null ? [] : [`logged in as ${user}`])].join(", ");
}

/** One without a name is called by its address. */
function listenerInWords({ listener, local }: ClientExplanation): string {
  const called = listener ?? "none of ours";
  return local === null || local === called ? called : `${called} at ${local}`;
}

const starttls: Readonly<Record<ClientExplanation["offered"]["starttls"], string>> = {
  never: "not offered",
  unavailable: "STARTTLS is answered 454: there is nothing to make a handshake with",
  offer: "STARTTLS is offered",
  require: "STARTTLS is required before anything else",
};

function tlsInWords({ offered: { implicitTls, protocols, ...offer } }: ClientExplanation): string {
  const how = implicitTls ? "from the first octet" : starttls[offer.starttls];
  const strong = styleText("bold", how, { stream: process.stdout });
  return protocols === null || (!implicitTls && offer.starttls === "never") ? strong : `${strong}, ${protocols}`;
}

function certificatesInWords({ insideTls, offered: { certificates } }: ClientExplanation): string {
  if (insideTls === null) return "none is shown";
  return certificates
    .map(({ certificates: shown, names }, index) => {
      const forNames =
        names.length === 0 ? "" : ` for ${names.slice(0, 5).join(", ")}${names.length > 5 ? " ..." : ""}`;
      return `${shown.join(" and ")}${index === 0 ? "" : forNames}`;
    })
    .join("; by SNI ");
}

const clientCertificates: Readonly<Record<ClientExplanation["offered"]["clientCertificate"], string>> = {
  "not-asked": "not asked for",
  asked: "asked for; anybody may come without",
  required: "required: without one the connection is cut off after the handshake",
  "required-trusted": "required, of a trusted CA: without one nothing is taken",
};

function authInWords({ offered, inClear, insideTls }: ClientExplanation): string {
  const places = [
    ...(inClear === null ? [] : [["in clear", inClear.mechanisms] as const]),
    ...(insideTls === null ? [] : [["inside TLS", insideTls.mechanisms] as const]),
  ];
  const required = offered.authRequired ? "; no mail without it" : "";
  if (places.every(([, mechanisms]) => mechanisms.length === 0))
    return `not offered${whyNoAuth(offered.auth, insideTls !== null)}${required}`;
  const shown = places.map(([where, mechanisms]) => `${where} ${mechanisms.join(", ") || "not offered"}`);
  return `${shown.join("; ")}${required}`;
}

function whyNoAuth(auth: ClientExplanation["offered"]["auth"], hasTls: boolean): string {
  if (auth === "never") return "";
  return auth !== "always" && !hasTls ? ": it is for TLS alone, and there is none" : ": no user could log in here";
}

function relayInWords({ inClear, insideTls, relayByCertificate }: ClientExplanation): string {
  const rights = [inClear, insideTls].flatMap((one) => (one === null ? [] : [one.relay]));
  const [first = null] = rights;
  const certificate =
    relayByCertificate === null ? "" : `; with a client certificate to anywhere: ${relayByCertificate}`;
  const where = (right: string | null): string =>
    right === null ? "to relay-domains alone" : `to anywhere, by its ${right}`;
  if (rights.every((right) => right === first)) return `${where(first)}${certificate}`;
  return `in clear ${where(first)}; inside TLS ${where(rights[1] ?? null)}${certificate}`;
}

function demandInWords(demand: ClientExplanation["demands"][number]): string {
  const { at, needs, written, mode, answer, hangsOnName } = demand;
  const otherwise = mode === "monitor" ? ", judged and not enforced" : answer === null ? "" : `, else ${answer}`;
  const name = hangsOnName ? ", if it has the name that DNS cannot tell" : "";
  return `at ${at.toUpperCase()}: ${needs}${name}${otherwise} (${placeOfRule(demand)}: ${written})`;
}

function answersInWords(
  where: string,
  { sender, recipient }: ClientExplanation,
  situation: ClientExplanation["inClear"],
): (readonly [label: string, text: string])[] {
  if (situation === null) return [];
  const { mail, rcpt } = situation.answer;
  const told = (what: string, answer: string | null) =>
    `${what} ${answer === null ? "is taken" : `is answered ${answer}`}`;
  const lines = [told(`MAIL FROM:${sender}`, mail)];
  if (recipient !== null && mail === null) lines.push(told(`RCPT TO:${recipient}`, rcpt));
  return lines.map((line, index) => [index === 0 ? where : "", line]);
}

function settingsTable(settings: ClientExplanation["settings"]): string {
  if (settings.length === 0) return "Nobody says anything of this client: the built-in defaults hold.\n";
  const rows = settings.flatMap(({ passedOver, setting, ...winner }) => [
    ["wins", placeOfRule(winner), winner.scope, `${setting}: ${winner.value}`],
    ...passedOver.map((one) => ["passed over", placeOfRule(one), one.scope, `${setting}: ${one.value}`]),
  ]);
  return table(["VERDICT", "LINE", "SCOPE", "SETTING"], rows);
}
