/**
 * What the listeners say together: TLS in two ways on one socket, STARTTLS without a certificate, and what reads as if
 * it demanded TLS (momentum reference 2.8; 4.2: 12, 13).
 */
import { type InboundRules, listsStarttls } from "./inbound.ts";
import { isNone } from "./make-rule.ts";
import { keywordOf, type ListenerStanza, type Model, type Setting, type Stanza, textOf, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { find, type Layers } from "./resolve.ts";
import { parseBlock, parseListenName } from "./socket-names.ts";

export function checkInbound(model: Model, inbound: InboundRules | undefined, notes: Notes): void {
  const { smtpListener } = model;
  if (smtpListener === undefined || inbound === undefined) return;
  checkNames(smtpListener, notes);
  const told = new Set<Setting>();
  for (const layers of inbound.combinations()) {
    checkCombination(layers, told, notes);
    checkPathway(layers, model, told, notes);
    const { refuse } = inbound.make(layers);
    if (refuse === undefined) continue;
    const setting = ["tls_certificate", "tls_client_ca", "tls_ciphers"]
      .map((name) => find(layers, name))
      .find(isAt(refuse.from));
    if (setting === undefined || told.has(setting)) continue;
    told.add(setting);
    notes.add(
      "warning",
      setting,
      `clients are told to come back later: ${refuse.value}`,
      "give files that can be used",
    );
  }
}

function isAt({
  file,
  line,
  column,
}: Readonly<{ file: string | undefined; line: number | undefined; column: number | undefined }>) {
  return (setting: Setting | undefined): boolean =>
    setting?.file.path === file && setting?.line === line && setting?.column === column;
}

function checkNames(listener: ListenerStanza, notes: Notes): void {
  for (const [text, { at, peers }] of listener.listens) {
    if (parseListenName(text) === undefined && !text.startsWith("/")) {
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

function checkCombination(layers: Layers, told: Set<Setting>, notes: Notes): void {
  const once = (kind: "error" | "warning", setting: Setting, text: string, remedy: string): void => {
    if (told.has(setting)) return;
    told.add(setting);
    notes.add(kind, setting, text, remedy);
  };
  const extensions = find(layers, "smtp_extensions");
  const certificate = find(layers, "tls_certificate");
  const ssl = find(layers, "use_ssl");
  const hasCertificate = certificate !== undefined && !isNone(certificate);
  if (extensions !== undefined && listsStarttls(extensions)) {
    if (ssl !== undefined && truthOf(ssl) === true) {
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
  if (ssl !== undefined && truthOf(ssl) === true && !hasCertificate) {
    once("error", ssl, "use_ssl without a tls_certificate", "write tls_certificate and tls_key");
  }
  const mode = find(layers, "tls_verify_mode");
  if (mode !== undefined && keywordOf(mode) === "require") {
    const text = "tls_verify_mode = require does not require TLS: who never sends STARTTLS is not asked for anything";
    once("warning", mode, text, "to require TLS, set it at the listener in letterlock.yaml");
  }
}

function checkPathway(layers: Layers, { pathways }: Model, told: Set<Setting>, notes: Notes): void {
  const setting = find(layers, "pathway");
  const name = textOf(setting);
  if (setting === undefined || name === undefined || pathways.has(name) || told.has(setting)) return;
  told.add(setting);
  notes.add("error", setting, `there is no pathway ${name}`, `add pathway "${name}" { ... }`);
}
