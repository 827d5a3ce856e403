/**
 * What fields of both directions are made of.
 */
import { localPartOf } from "../../mail/address-text.ts";
import type { CertificateRecord } from "../../mail/attempt.ts";
import type { AccountingLog } from "../../mail/log-definition.ts";

/** @param time ISO 8601, UTC */
export type ShowTime = (time: string) => string;

/** `2026-11-21 12:00:00+0000`, or seconds since 1970 (`iso-times no`). */
export function timeWriter(isoTimes: boolean): ShowTime {
  if (!isoTimes) return (time) => String(Math.floor(Date.parse(time) / 1000));
  return (time) => `${time.slice(0, 10)} ${time.slice(11, 19)}+0000`;
}

export function hostAndAddress(host: string | null, address: string | null): string {
  if (address === null) return host ?? "";
  return `${host ?? `[${address}]`} (${address})`;
}

export function sourceMta(ehlo: string | null, client: string | null): string {
  return client === null ? "" : `${ehlo ?? ""} (${client})`.trimStart();
}

export function certificateText(certificate: CertificateRecord | null): string {
  return certificate === null ? "" : `${certificate.subject} sha256=${certificate.sha256}`;
}

/** What the privacy policy makes of other texts in a recipient's row: its local part is hidden there, too. */
export type Hide = (text: string) => string;

const hideNothing: Hide = (text) => text;

/** @param shown the address as the policy shows it */
export function hiding(address: string, shown: string): Hide {
  if (shown === address) return hideNothing;
  const local = localPartOf(address);
  if (local === "") return hideNothing;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(local)}(?![\\p{L}\\p{N}])`, "giu");
  const other = localPartOf(shown);
  return (text) => text.replace(pattern, () => other);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** `rfc822;user@example.com` */
export function originalRecipient(orcpt: string | null, show: AccountingLog["showRecipient"]): string {
  if (orcpt === null) return "";
  const at = orcpt.indexOf(";") + 1;
  return orcpt.slice(0, at) + show(orcpt.slice(at));
}
