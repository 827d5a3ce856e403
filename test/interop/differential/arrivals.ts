/**
 * What the scripted hosts saw: which message came to which of them, in clear or in TLS, and what the client showed.
 */
import type { PartnerHost } from "../../../src/lab/partner-host.ts";

export type Arrival = Readonly<{
  host: string;
  inTls: boolean;
  /** As sent; null without. */
  serverName: string | null;
  clientCertificate: boolean;
}>;

/** By `EHLO name|recipient`: where RCPT was said last. A message that was taken twice is an error of whoever sent it. */
export function readArrivals(hosts: readonly Readonly<{ name: string; host: PartnerHost }>[]): Map<string, Arrival> {
  const arrivals = new Map<string, Arrival>();
  for (const { name, host } of hosts) {
    for (const { clear, decrypted, serverName, clientCertificate } of host.connections) {
      const inTls = decrypted.length > 0;
      const text = (inTls ? decrypted : clear).toString("latin1");
      const ehlo = /^EHLO (\S+)/m.exec(text)?.[1] ?? "";
      for (const [, recipient = ""] of text.matchAll(/^RCPT TO:<([^>]*)>/gim)) {
        if (
          !host.messages.some(({ rcpt, mail }) => rcpt.some((line) => line.includes(`<${recipient}>`)) && mail !== "")
        )
          continue;
        arrivals.set(`${ehlo}|${recipient}`, {
          host: name,
          inTls,
          serverName: serverName ?? null,
          clientCertificate: clientCertificate !== undefined,
        });
      }
    }
  }
  return arrivals;
}
