/**
 * What differs between Sendmail's versions, as far as an outcome hangs on it. Sendmail reference, section 0.1.
 */
import type { Wording } from "../../rules.ts";
import type { Configuration, Reply } from "./configuration.ts";

export type SendmailVersion = "8.14" | "8.15" | "8.16" | "8.17" | "8.18";

export type Era = Readonly<{
  version: SendmailVersion;
  /** Where an entry says neither PERM nor TEMP. */
  defaultReply: Reply;
  /** `CITag:` is an extension that is known. */
  issuerTags: boolean;
  wording: Wording;
  /** IPv6 keys are written with `::`. */
  compressedIpv6: boolean;
}>;

const versions: readonly SendmailVersion[] = ["8.14", "8.15", "8.16", "8.17", "8.18"];

/** What is told wins, then what the configuration says of itself, then 8.18. */
export function eraOf(told: SendmailVersion | undefined, configuration: Configuration | undefined): Era {
  const version = told ?? parseVersion(configuration?.version) ?? "8.18";
  const code = versions.indexOf(version) >= versions.indexOf("8.17") ? 454 : 403;
  const permanent = configuration?.permanent === true;
  const defaultReply = configuration?.defaultReply ?? (permanent ? permanentReply(code) : { code, status: "4.7.0" });
  const option = configuration?.options.get("usecompressedipv6addresses")?.value;
  return {
    version,
    defaultReply,
    issuerTags: versions.indexOf(version) >= versions.indexOf("8.16"),
    wording:
      (defaultReply.code === 454 ? 454 : defaultReply.code === 403 ? 403 : code) === 403 ? "sendmail-403" : "sendmail",
    compressedIpv6: version === "8.14" || isTrue(option),
  };
}

function permanentReply(temporary: 403 | 454): Reply {
  return { code: temporary === 403 ? 503 : 554, status: "5.7.0" };
}

function parseVersion(text: string | undefined): SendmailVersion | undefined {
  if (text === undefined) return undefined;
  const [major = 0, minor = 0] = text.split(".").map(Number);
  if (major > 8 || minor > 18) return "8.18";
  return major < 8 || minor < 14 ? "8.14" : versions.find((version) => version === `8.${minor}`);
}

/** Sendmail's booleans: true where nothing but a no is said. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && (value === "" || /^[ty]/i.test(value));
}
