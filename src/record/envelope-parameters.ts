/**
 * ENVID and ORCPT as records tell them: decoded, escaped and capped (RFC 3461 §4.2, §4.4; standards.md AT-28).
 */
import { escapeText } from "../mail/escape.ts";
import { decodeXtext } from "../mail/xtext.ts";
import { maxAddress, maxText } from "../tls/certificate-record.ts";

/** @param envid in xtext, as it came */
export function recordedEnvid(envid: string | undefined): string | null {
  return envid === undefined ? null : escapeText(decodeXtext(envid) ?? envid, maxText);
}

/** @param orcpt `type;xtext`, as it came. @returns `type;address` */
export function recordedOrcpt(orcpt: string | undefined): string | null {
  if (orcpt === undefined) return null;
  const semicolon = orcpt.indexOf(";");
  const address = orcpt.slice(semicolon + 1);
  return escapeText(orcpt.slice(0, semicolon + 1) + (decodeXtext(address) ?? address), maxAddress);
}
