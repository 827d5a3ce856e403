/**
 * What the listeners say together: TLS in two ways on one socket, STARTTLS without a certificate, passwords in clear text,
 * and what reads as if it demanded TLS (momentum reference 2.8; 4.2: 12, 13). And of each socket what it comes to.
 */
import type { InboundRule } from "../../rules.ts";
import { nameWarning } from "../server-certificate.ts";
import { checkRelaying } from "./check-relaying.ts";
import { readExtensions } from "./extensions.ts";
import type { Combination, InboundRules } from "./inbound.ts";
import type { KeyFiles } from "./key-files.ts";
import { isOfSmtpListener } from "./make-inbound-rule.ts";
import { isNone } from "./make-rule.ts";
import { keywordOf, type ListenerStanza, type Model, type Setting, type Stanza, textOf, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { find, type Layers } from "./resolve.ts";
import { parseBlock, parseListenName } from "./socket-names.ts";

/** Tells each line once, however many combinations it counts in. */
type Once = (kind: "error" | "warning" | "differs", setting: Setting, text: string, remedy: string) => void;

export function checkInbound(model: Model, inbound: InboundRules | undefined, keyFiles: KeyFiles, notes: Notes): void {
  checkRelaying(model, notes);
  const { smtpListener } = model;
  if (smtpListener === undefined || inbound === undefined) return;
  checkNames(smtpListener, notes);
  const told = new Set<string>();
  const once: Once = (kind, setting, text, remedy) => {
    const key = `${setting.file.path} ${setting.line} ${setting.column} ${text}`;
    if (!told.has(key)) notes.add(kind, setting, text, remedy);
    told.add(key);
  };
  const described = new Set<string>();
  for (const combination of inbound.combinations()) {
    const { layers, rule, socket } = combination;
    const listen = socket === undefined || described.has(socket) ? undefined : smtpListener.listens.get(socket);
    if (socket !== undefined && listen !== undefined) {
      described.add(socket);
      notes.add("applied", listen.at, `${listen.scope}: ${inWords(rule)}`);
    }
    checkTls(layers, once);
    checkBeginning(combination, once);
    checkLogIn(layers, once);
    checkPathway(layers, model, once);
    checkAuthorized(layers, once);
    checkRefusal(combination, once);
    checkCertificate(combination, keyFiles, textOf(model.global.settings.get("hostname")), once);
  }
}

/** Momentum has no option that demands TLS of a client. */
function inWords({ implicitTls, starttls, auth, mechanisms }: InboundRule): string {
  const tls =
    implicitTls?.value === true
      ? "TLS from the first octet"
      : starttls?.value === "offer"
        ? "STARTTLS is offered, and mail is taken without it too"
        : "clear text alone";
  if (auth?.value === "never") return `${tls}; no AUTH`;
  return `${tls}; AUTH ${mechanisms?.value.join(" ") ?? ""} is offered, and mail is taken without it too`;
}

function checkNames(listener: ListenerStanza, notes: Notes): void {
  for (const [text, { at, peers }] of listener.listens) {
    if (text.startsWith("/")) {
      notes.add("differs", at, `${text}: sockets in the file system are not opened`, "listen on an address");
    } else if (parseListenName(text) === undefined) {
      notes.add(
        "error",
        at,
        `'${text}' is no address to listen on`,
        'write ":25", "192.0.2.1:25" or "[2001:db8::1]:25"',
      );
    }
    checkPeers(peers, notes);
  }
  checkPeers(listener.peers, notes);
}

function checkPeers(peers: ReadonlyMap<string, Stanza>, notes: Notes): void {
  for (const [text, { at }] of peers) {
    if (parseBlock(text) !== undefined) continue;
    notes.add("error", at, `'${text}' is no address or block of addresses`, "write 192.0.2.0/24 or 2001:db8::1");
  }
}

function checkTls(layers: Layers, once: Once): void {
  const extensions = find(layers, "smtp_extensions");
  const certificate = find(layers, "tls_certificate");
  const ssl = find(layers, "use_ssl");
  const hasCertificate = certificate !== undefined && !isNone(certificate);
  const begins = ssl !== undefined && truthOf(ssl) === true;
  if (extensions !== undefined && readExtensions(extensions).starttls) {
    if (begins) {
      once(
        "error",
        ssl,
        "use_ssl and STARTTLS exclude each other on one listener",
        "use a port of its own for use_ssl",
      );
    } else if (!hasCertificate) {
      once(
        "error",
        extensions,
        "STARTTLS is in smtp_extensions, but there is no tls_certificate",
        "write tls_certificate and tls_key",
      );
    }
  }
  if (begins && !hasCertificate) {
    once("error", ssl, "use_ssl without a tls_certificate", "write tls_certificate and tls_key");
  }
  const mode = find(layers, "tls_verify_mode");
  if (mode !== undefined && keywordOf(mode) === "require") {
    const text = "tls_verify_mode = require does not require TLS: who never sends STARTTLS is not asked for anything";
    once(
      "warning",
      mode,
      text,
      "to require TLS, write require-tls: yes at a listener of letterlock.yaml, or under inbound-rules:",
    );
  }
}

/** `use_ssl` is decided before a client is known. */
function checkBeginning({ layers, rule: { implicitTls } }: Combination, once: Once): void {
  const ssl = find(layers, "use_ssl");
  if (ssl === undefined || truthOf(ssl) !== false || implicitTls?.value !== true) return;
  once(
    "differs",
    ssl,
    "use_ssl = false for some clients of a listener: TLS begins with the connection for them too",
    "",
  );
}

function checkLogIn(layers: Layers, once: Once): void {
  const extensions = find(layers, "smtp_extensions");
  if (extensions === undefined) return;
  const { mechanisms, notOffered } = readExtensions(extensions);
  if (notOffered.length > 0) {
    once("differs", extensions, `smtp_extensions: not to be had here: ${notOffered.join(", ")}`, "");
  }
  if (mechanisms.length === 0 || truthOf(find(layers, "use_ssl")) === true) return;
  once(
    "warning",
    extensions,
    `AUTH ${mechanisms.join(" ")} is offered before TLS: passwords cross the network in clear text`,
    "write auth: in-tls at a listener of letterlock.yaml",
  );
}

function checkPathway(layers: Layers, { pathways }: Model, once: Once): void {
  const setting = find(layers, "pathway");
  const name = textOf(setting);
  if (setting === undefined || name === undefined || pathways.has(name)) return;
  once("error", setting, `there is no pathway ${name}`, `add pathway "${name}" { ... }`);
}

function checkAuthorized(layers: Layers, once: Once): void {
  const setting = find(layers, "tls_verified_peer_is_authorized");
  if (setting === undefined || truthOf(setting) !== true) return;
  const outcome = isOfSmtpListener(setting) ? "lets verified clients relay" : "lets nobody relay";
  once("differs", setting, `tls_verified_peer_is_authorized ${outcome}`, "write tls_verified_peer_can_relay = true");
}

function checkCertificate(
  { layers, rule }: Combination,
  keyFiles: KeyFiles,
  hostname: string | undefined,
  once: Once,
): void {
  const setting = find(layers, "tls_certificate");
  if (setting === undefined || rule.certificates === undefined) return;
  if (rule.starttls?.value === "never" && rule.implicitTls?.value !== true) return;
  const loaded = keyFiles.credential(setting, find(layers, "tls_key"));
  if (loaded.kind === "problem") return;
  const name = hostname === undefined ? undefined : nameWarning(loaded.names, hostname.toLowerCase());
  for (const { text, remedy } of [...loaded.warnings, ...(name === undefined ? [] : [name])]) {
    once("warning", setting, `tls_certificate: ${text}`, remedy);
  }
}

/** Told at the line that asks for what cannot be had. */
function checkRefusal({ layers, rule: { refuse } }: Combination, once: Once): void {
  if (refuse === undefined) return;
  const { file, line, column } = refuse.from;
  const setting = layers
    .flatMap(({ settings }) => [...settings.values()])
    .find((each) => each.file.path === file && each.line === line && each.column === column);
  if (setting === undefined) return;
  const remedy = setting.name === "use_ssl" ? "write use_ssl in a listen of its own" : "give what can be used";
  once("warning", setting, `clients are told to come back later: ${refuse.value}`, remedy);
}
