/**
 * One inbound rule from the stanzas that have a say (momentum reference 2.3, 2.8). Nothing in Momentum demands TLS of a
 * client, or before AUTH: that is left to scripts, and so it is here, with a warning.
 */
import type { ServedCertificates } from "../../../tls/server-tls.ts";
import type { InboundRule, Origin, Sourced } from "../../rules.ts";
import { readExtensions } from "./extensions.ts";
import { type HandshakeReader, sourced } from "./handshake-values.ts";
import { type KeyFiles, type Loaded, noAnchors } from "./key-files.ts";
import { isNone } from "./make-rule.ts";
import { keywordOf, type Setting, truthOf } from "./model.ts";
import { find, type Layers } from "./resolve.ts";

export class InboundRuleMaker {
  readonly #keyFiles: KeyFiles;
  readonly #handshakes: HandshakeReader;
  readonly #defaults: Origin;

  /** @param defaults where nothing is written */
  constructor(keyFiles: KeyFiles, handshakes: HandshakeReader, defaults: Origin) {
    this.#keyFiles = keyFiles;
    this.#handshakes = handshakes;
    this.#defaults = defaults;
  }

  /** @param implicit `use_ssl` of the socket: it is decided before a client is known */
  make(layers: Layers, implicit: Setting | undefined): InboundRule {
    const extensions = find(layers, "smtp_extensions");
    const { starttls, mechanisms } = readExtensions(extensions);
    const injection = find(layers, "starttls_injection_policy");
    const begins = truthOf(implicit) === true;
    const { certificates, wrong, ...handshake } = this.#handshake(layers);
    const offers = starttls && certificates !== undefined && !begins;
    // Where TLS is not to be had, what it would need does not matter.
    const refuse = starttls || begins ? wrong : undefined;
    const mixed = begins ? undefined : onlyForPeer(find(layers, "use_ssl"));
    return {
      starttls: this.#sourced(offers ? "offer" : "never", extensions),
      implicitTls: this.#sourced(begins, implicit),
      clientCertificate: clientCertificate(find(layers, "tls_verify_mode"), this.#defaults),
      ...handshake,
      ...(certificates === undefined ? {} : { certificates }),
      auth: this.#sourced(mechanisms.length > 0 ? "always" : "never", extensions),
      mechanisms: this.#sourced(mechanisms, extensions),
      pipelined: this.#sourced(keywordOf(injection) === "ignore" ? "discard" : "reject", injection),
      ...relayByCertificate(layers),
      ...barred(find(layers, "always_deny")),
      wording: { value: "momentum", from: this.#defaults },
      ...optional("refuse", refuse ?? mixed),
    };
  }

  #handshake(layers: Layers) {
    const { protocols, ciphers, groups, refuse } = this.#handshakes.read(layers);
    const certificate = find(layers, "tls_certificate");
    const shown = certificate === undefined || isNone(certificate) ? undefined : certificate;
    const loaded = shown === undefined ? undefined : this.#keyFiles.credential(shown, find(layers, "tls_key"));
    const authority = find(layers, "tls_client_ca");
    const anchors = authority === undefined ? undefined : this.#keyFiles.anchors(authority);
    return {
      clientAnchors: this.#sourced(anchors?.kind === "ok" ? anchors.value : noAnchors, authority),
      certificates: shown !== undefined && loaded?.kind === "ok" ? sourced(served(loaded), shown) : undefined,
      wrong: problem(shown, loaded) ?? problem(authority, anchors) ?? refuse ?? noVersion(protocols),
      ...optional("protocols", protocols),
      ...optional("ciphers", ciphers),
      ...optional("groups", groups),
    };
  }

  #sourced<T>(value: T, setting: Setting | undefined): Sourced<T> {
    return setting === undefined ? { value, from: this.#defaults } : sourced(value, setting);
  }
}

function served({ value }: Extract<ReturnType<KeyFiles["credential"]>, { kind: "ok" }>): ServedCertificates {
  return { default: { credentials: [value], names: [] }, others: [] };
}

function problem(setting: Setting | undefined, loaded: Loaded<unknown> | undefined): Sourced<string> | undefined {
  if (setting === undefined || loaded?.kind !== "problem") return undefined;
  return sourced(`${setting.name}: ${loaded.text}`, setting);
}

function noVersion(protocols: InboundRule["protocols"]): Sourced<string> | undefined {
  if (protocols === undefined || protocols.value.min <= protocols.value.max) return undefined;
  return { value: "neither TLS 1.2 nor TLS 1.3 is allowed, and nothing older is spoken here", from: protocols.from };
}

/** Unset: asked for and verified where one is shown, without consequence. */
function clientCertificate(mode: Setting | undefined, from: Origin): NonNullable<InboundRule["clientCertificate"]> {
  if (mode === undefined) return { value: "ask", from };
  return sourced(keywordOf(mode) === "require" ? "require" : "do-not-ask", mode);
}

/**
 * `tls_verified_peer_is_authorized` is what the manual calls the same thing for HTTP. Inside an SMTP listener it can only
 * mean SMTP clients; in a pathway, which HTTP listeners may share, it lets nobody relay.
 */
function relayByCertificate(layers: Layers): Pick<InboundRule, "relayByCertificate"> {
  const relay = find(layers, "tls_verified_peer_can_relay");
  const authorized = find(layers, "tls_verified_peer_is_authorized");
  const own = authorized !== undefined && isOfSmtpListener(authorized) ? authorized : undefined;
  const line = [relay, own].find((setting) => truthOf(setting) === true);
  return line === undefined ? {} : { relayByCertificate: sourced({ kind: "trusted" }, line) };
}

/** Listen and peer stand in a listener alone, and only the SMTP listener's are asked. */
export function isOfSmtpListener({ scope }: Setting): boolean {
  return /^(?:listen|peer) /.test(scope);
}

function barred(deny: Setting | undefined): Pick<InboundRule, "barred"> {
  return deny !== undefined && truthOf(deny) === true ? { barred: sourced(true, deny) } : {};
}

function onlyForPeer(ssl: Setting | undefined): Sourced<string> | undefined {
  if (ssl === undefined || truthOf(ssl) !== true) return undefined;
  return sourced("use_ssl is asked for from these clients alone, and their listener does not begin with TLS", ssl);
}

function optional<Key extends keyof InboundRule>(key: Key, value: InboundRule[Key] | undefined) {
  return (value === undefined ? {} : { [key]: value }) as Pick<InboundRule, Key> | Readonly<Record<never, never>>;
}
