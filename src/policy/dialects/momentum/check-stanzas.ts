/**
 * What single lines do that their author hardly meant, or that is understood otherwise here (momentum reference 4.2: 2,
 * 3, 7, 9, 15, 19, 20; 2.6).
 */
import { parseDomain } from "../../../mail/domain.ts";
import { readAddress } from "./bindings.ts";
import { curvesProblem } from "./handshake-values.ts";
import { type Container, keywordOf, type Model, type Setting, type Stanza, textOf, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { outboundOptions } from "./options-outbound.ts";
import { translatePriority } from "./priority-string.ts";
import { containersOf, hasDane, stanzasOf } from "./resolve.ts";
import { parseRoute, parseTarget } from "./targets.ts";
import { holdsOnlyOldTls, readProtocols, versionRange, wordsOf } from "./values.ts";

type Say = (setting: Setting, text: string, remedy: string, kind?: "warning" | "differs" | "error") => void;

export function checkStanzas(model: Model, notes: Notes): void {
  const say: Say = (setting, text, remedy, kind = "warning") => notes.add(kind, setting, text, remedy);
  const gnutls = keywordOf(model.global.settings.get("tls_engine")) === "gnutls";
  const dane = hasDane(model);
  for (const stanza of stanzasOf(model)) {
    const use = stanza.settings.get("use_dane");
    if (dane || use === undefined || truthOf(use) !== true) continue;
    say(use, "use_dane has no effect without the module dane", "add dane {}");
  }
  for (const stanza of [...stanzasOf(model), ...listenerStanzas(model)]) {
    for (const setting of stanza.settings.values()) checkSetting(setting, gnutls, say);
  }
  for (const container of containersOf(model)) {
    checkDomains(container, say);
    checkHosts(container, notes);
  }
  checkDefeated(model, say);
  checkSubdomains(model, notes);
  checkGlobal(model, say);
}

function* listenerStanzas({ smtpListener, pathways }: Model): Generator<Stanza> {
  yield* pathways.values();
  for (const listener of smtpListener === undefined ? [] : [smtpListener, ...smtpListener.listens.values()]) {
    yield listener;
    yield* listener.peers.values();
  }
}

function checkSetting(setting: Setting, gnutls: boolean, say: Say): void {
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

const tlsNames: ReadonlySet<string> = new Set(outboundOptions.map(({ name }) => name));

/** A gateway makes the rest of its stanza void; the name in EHLO belongs to a binding here. */
function checkDomains({ domains }: Container, say: Say): void {
  for (const { settings } of [...domains.plain.values(), ...domains.regexes.map(({ stanza }) => stanza)]) {
    const gateway = settings.get("gateway");
    for (const setting of settings.values()) {
      if (gateway !== undefined && tlsNames.has(setting.name)) {
        const text = `${setting.name} has no effect beside gateway: options are looked up for ${textOf(gateway)}`;
        say(setting, text, `write it in domain "${textOf(gateway)}" { ... }`);
      }
      if (setting.name === "ehlo_hostname") {
        say(
          setting,
          "ehlo_hostname in a domain: the binding's name is sent in EHLO",
          "give that mail a binding of its own",
          "differs",
        );
      }
    }
  }
}

function checkHosts({ hosts }: Container, notes: Notes): void {
  for (const { settings } of [...hosts.plain.values(), ...hosts.regexes.map(({ stanza }) => stanza)]) {
    const rolls = settings.get("rollup_mx");
    if (rolls === undefined || truthOf(rolls) !== true || settings.has("rollup_mx_name")) continue;
    notes.add("warning", rolls, "rollup_mx without rollup_mx_name has no effect", "write rollup_mx_name beside it");
  }
}

/** A domain at the top loses against whatever its binding or group says itself. */
function checkDefeated({ global, groups, bindings }: Model, say: Say): void {
  const winners = new Map<string, Stanza>();
  for (const container of [...groups.values(), ...[...bindings.values()].map((binding) => binding.container)]) {
    for (const { name } of container.settings.values()) {
      if (tlsNames.has(name) && !winners.has(name)) winners.set(name, container);
    }
  }
  if (winners.size === 0) return;
  for (const { settings } of [
    ...global.domains.plain.values(),
    ...global.domains.regexes.map(({ stanza }) => stanza),
  ]) {
    for (const setting of settings.values()) {
      const winner = winners.get(setting.name);
      if (winner === undefined) continue;
      const text = `${setting.name} of ${setting.scope} is not used for mail of ${winner.scope}, which sets it itself`;
      say(setting, text, `write the domain also inside ${winner.scope}`);
    }
  }
}

/** Once: a name stands for itself alone. */
function checkSubdomains(model: Model, notes: Notes): void {
  for (const { domains } of containersOf(model)) {
    for (const [key, { settings, scope }] of domains.plain) {
      const tls = settings.get("tls");
      if (tls === undefined || domains.regexes.some(({ regex }) => regex.test(`mail.${key}`))) continue;
      const pattern = `/(^|[.])${key.replaceAll(".", "[.]")}$/`;
      notes.add("warning", tls, `${scope} does not cover names below it`, `for those too: domain "${pattern}" { ... }`);
      return;
    }
  }
}

function checkGlobal({ global }: Model, say: Say): void {
  const certificate = global.settings.get("tls_certificate");
  if (certificate !== undefined && keywordOf(certificate) !== "none") {
    const text = "a certificate at the top is shown in both directions: also as client certificate to every host";
    say(certificate, text, 'write it in the listener, or tls_certificate = "none" in groups and bindings');
  }
  const defaultBinding = global.settings.get("default_binding");
  if (keywordOf(defaultBinding) === "suspended" && defaultBinding !== undefined) {
    say(defaultBinding, "mail of the default binding is not held back here", "give all mail a binding", "differs");
  }
}
