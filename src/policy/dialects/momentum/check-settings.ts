/**
 * What single values do that their author hardly meant, or that is understood otherwise here (momentum reference 2.6; 4.2:
 * 9, 19, 20).
 */
import { parseDomain } from "../../../mail/domain.ts";
import { readAddress } from "./bindings.ts";
import { curvesProblem } from "./handshake-values.ts";
import { type Setting, textOf } from "./model.ts";
import { translatePriority } from "./priority-string.ts";
import { parseRoute, parseTarget } from "./targets.ts";
import { holdsOnlyOldTls, readProtocols, versionRange, wordsOf } from "./values.ts";

export type Say = (setting: Setting, text: string, remedy: string, kind?: "warning" | "differs" | "error") => void;

export function checkSetting(setting: Setting, gnutls: boolean, say: Say): void {
  const text = textOf(setting) ?? "";
  switch (setting.name) {
    case "tls_protocols":
      if (gnutls) ignoredByGnutls(setting, say);
      else checkProtocols(setting, text, say);
      return;
    case "tlsv13_ciphersuites":
    case "tls_ec_curve_names":
      if (gnutls) ignoredByGnutls(setting, say);
      else checkCurves(setting, say);
      return;
    case "tls_ciphers":
      if (gnutls) checkPriority(setting, text, say);
      else checkSecurityLevel(setting, text, say);
      return;
    case "remote_smtp_port":
      if (text === "465") {
        say(setting, "port 465 does not bring implicit TLS: there is none towards other hosts", "use port 25 or 587");
      }
      return;
    case "gateway":
      if (parseTarget(text) === undefined)
        say(setting, `gateway ${text} is no host`, "write a host or an address", "error");
      return;
    case "routes":
      checkRoutes(setting, say);
      return;
    case "bind_address":
    case "bind_address_secondary":
      if (text !== "*" && readAddress(text) === undefined) {
        say(
          setting,
          `${text} is not resolved: mail leaves from the address that the system chooses`,
          "write the address",
          "differs",
        );
      }
      return;
    case "ehlo_hostname":
      if (!text.startsWith("__") && parseDomain(text) === undefined) {
        say(
          setting,
          `${text} is no host name: our own name is sent in EHLO`,
          "write a name such as mail.example.com",
          "differs",
        );
      }
      return;
    default:
      return;
  }
}

function ignoredByGnutls(setting: Setting, say: Say): void {
  say(
    setting,
    `${setting.name} has no effect with tls_engine = gnutls`,
    "write it into tls_ciphers: NORMAL:-VERS-TLS1.0",
  );
}

function checkProtocols(setting: Setting, text: string, say: Say): void {
  const list = readProtocols(text);
  if (list === undefined) return;
  if (list.misprint) say(setting, `${text} is read as +${text.slice(1)}`, "begin the value with +ALL");
  const { min, max } = versionRange(list.enabled);
  if (min <= max) return;
  const outcome = holdsOnlyOldTls(list.enabled)
    ? "with tls = ifavailable these are used all the same, with required mail waits"
    : "no handshake can succeed: with tls = ifavailable mail leaves in clear, with required it waits";
  say(setting, `${text} leaves neither TLS 1.2 nor 1.3; ${outcome}`, "add +TLSv1.2:+TLSv1.3", "differs");
}

function checkCurves(setting: Setting, say: Say): void {
  const problem = setting.name === "tls_ec_curve_names" ? curvesProblem(setting) : undefined;
  if (problem !== undefined) say(setting, problem, "write names that openssl list -tls-groups knows", "error");
}

function checkPriority(setting: Setting, text: string, say: Say): void {
  const priority = translatePriority(text);
  if (priority.kind === "error") {
    const remedy = "write NORMAL or SECURE256 with -VERS-... and +VERS-... only";
    say(setting, `the priority string ${text} cannot be used: ${priority.text}`, remedy, "error");
    return;
  }
  const { min, max } = versionRange(priority.enabled);
  const versions = min > max ? "no version of TLS" : min === max ? min : `${min} and ${max}`;
  const ciphers = priority.ciphers === undefined ? "" : `, ciphers ${priority.ciphers}`;
  say(setting, `${text} is read in OpenSSL's terms as ${versions}${ciphers}`, "", "differs");
}

function checkSecurityLevel(setting: Setting, text: string, say: Say): void {
  if (!/@SECLEVEL=[01]/i.test(text)) return;
  say(
    setting,
    "a security level below 2 is not taken: keys and signatures that can be forged stay refused",
    "",
    "differs",
  );
}

function checkRoutes(setting: Setting, say: Say): void {
  const words = wordsOf(setting.value) ?? [];
  const unreadable = words.filter((text) => parseRoute(text) === undefined);
  if (unreadable.length === 0) return;
  const outcome = unreadable.length === words.length ? "mail waits: " : "";
  const text = `${outcome}routes that Letterlock cannot take: ${unreadable.join(", ")}`;
  say(setting, text, "write smtp://host?pref=N&port=N", "differs");
}
