/**
 * The other half of `letterlock demo`: partners who hand mail in, as the rules for them ask and otherwise, and what each
 * is told.
 */
import { styleText } from "node:util";
import type { World } from "../lab/world.ts";
import type { InboundRecord } from "../mail/inbound-record.ts";
import type { Relay } from "../server/relay.ts";
import type { OpenOptions } from "../smtp/client/sender.ts";
import type { Credential } from "../tls/handshake-settings.ts";
import { openSession, sendMail } from "./demo-session.ts";
import { table } from "./table.ts";

export const inboundRules = `inbound-rules:
  - { sender-domains: bank.example, require-tls: encrypted, min-cipher-bits: 128 }
  - { sender-domains: clinic.example, require-tls: matching, client-ca: lab-ca.pem, certificate-names: relay.example }
  - { sender-domains: legacy.example, require-tls: encrypted, mode: monitor }
`;

type Client = Readonly<{ from: string; comes: string; inTls: boolean; showsCertificate: boolean }>;

const inClear = { comes: "in clear text", inTls: false, showsCertificate: false } as const;
const inTls = { comes: "in TLS", inTls: true, showsCertificate: false } as const;
const withCertificate = { comes: "in TLS, with a certificate", inTls: true, showsCertificate: true } as const;

export const demoClients: readonly Client[] = [
  { from: "anna@bank.example", ...inClear },
  { from: "anna@bank.example", ...inTls },
  { from: "ben@clinic.example", ...inTls },
  { from: "ben@clinic.example", ...withCertificate },
  { from: "carla@legacy.example", ...inClear },
];

/** One after the other, so that their records come in their order. */
export async function bringMailIn(relay: Relay, timeouts: OpenOptions["timeouts"], { client }: World): Promise<void> {
  const shown: Credential = {
    name: "client",
    id: "client",
    certificateChain: client.chainPem,
    privateKey: client.privateKeyPem,
  };
  for (const { from, inTls, showsCertificate } of demoClients) {
    const session = await openSession(relay, timeouts, { inTls, credential: showsCertificate ? shown : undefined });
    await sendMail(session, from, "someone@good.example");
    session.quit();
  }
}

/** @param records one for each of `demoClients` */
export function clientsReport(records: readonly InboundRecord[]): string {
  const rows = demoClients.map(({ from, comes }, at) => {
    const { tls, event, rule, reply } = records[at] ?? {};
    const colour = event === "accepted" ? "green" : "yellow";
    return [
      from,
      comes,
      tls === undefined ? "-" : `${tls.required}${tls.monitor === null ? "" : " (monitor)"}`,
      tls?.achieved ?? "-",
      tls?.protocol ?? "-",
      event === undefined ? "-" : styleText(colour, event, { stream: process.stdout }),
      rule?.line == null ? "-" : String(rule.line),
      reply === undefined ? "-" : [reply.code, reply.enhanced ?? [], reply.text].flat().join(" "),
    ];
  });
  return table(["SENDER", "COMES", "REQUIRED", "ACHIEVED", "PROTOCOL", "OUTCOME", "LINE", "TOLD"], rows);
}
