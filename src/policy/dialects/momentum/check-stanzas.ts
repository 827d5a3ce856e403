/**
 * What single lines do that their author hardly meant, or that is understood otherwise here (momentum reference 4.2: 2,
 * 3, 7, 15).
 */
import { checkSetting, type Say } from "./check-settings.ts";
import { type Container, keywordOf, type Model, type Stanza, textOf, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { outboundOptions } from "./options-outbound.ts";
import { containersOf, hasDane, listenerStanzas, stanzasOf } from "./resolve.ts";

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
