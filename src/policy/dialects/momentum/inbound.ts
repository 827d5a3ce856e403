/**
 * What the listeners say about a client (momentum reference 1.8, 2.3, 2.8). Each option on its own, the first that has it:
 *
 *     the peer in the listen    the listen    the peer in the listener    the listener    its pathway    the top
 *
 * Of several peers the narrowest block counts. Readings where the manual is silent: the order of listen and the
 * listener's peer, and the pathway after all of these (open question 4).
 */
import { LRUCache } from "lru-cache";
import type { IpAddress } from "../../../mail/address.ts";
import { type Cidr, inCidr, isIpv6 } from "../../../mail/ip.ts";
import type { InboundQuestion, InboundRule, Origin, Sourced } from "../../rules.ts";
import { type HandshakeReader, sourced } from "./handshake-values.ts";
import { type KeyFiles, noAnchors } from "./key-files.ts";
import { isNone } from "./make-rule.ts";
import {
  defaultOrigin,
  keywordOf,
  type ListenerStanza,
  type Model,
  type Setting,
  type Stanza,
  textOf,
  truthOf,
} from "./model.ts";
import { find, type Layers } from "./resolve.ts";
import { type ListenName, parseBlock, parseListenName } from "./socket-names.ts";
import { wordsOf } from "./values.ts";

type Peers = readonly Readonly<{ block: Cidr; stanza: Stanza }>[];

type Socket = Readonly<{ name: ListenName | undefined; stanza: ListenerStanza; peers: Peers }>;

export class InboundRules {
  readonly #model: Model;
  readonly #keyFiles: KeyFiles;
  readonly #handshakes: HandshakeReader;
  readonly #listener: ListenerStanza;
  readonly #peers: Peers;
  readonly #sockets: readonly Socket[];
  readonly #defaults: Origin;
  readonly #made = new LRUCache<string, InboundRule>({ max: 200 });

  constructor(model: Model, listener: ListenerStanza, keyFiles: KeyFiles, handshakes: HandshakeReader) {
    this.#model = model;
    this.#keyFiles = keyFiles;
    this.#handshakes = handshakes;
    this.#listener = listener;
    this.#peers = readPeers(listener);
    this.#sockets = [...listener.listens].map(([text, stanza]) => ({
      name: parseListenName(text),
      stanza,
      peers: readPeers(stanza),
    }));
    this.#defaults = defaultOrigin(listener.at.file.path);
  }

  /** `undefined` for a socket that the configuration switches off. */
  rule(question: InboundQuestion): InboundRule | undefined {
    const layers = this.#layers(this.#socketOf(question), question.client);
    if (truthOf(find(layers, "enable")) === false) return undefined;
    const key = layers.map(({ id }) => id).join(",");
    const rule = this.#made.get(key) ?? this.make(layers);
    this.#made.set(key, rule);
    return rule;
  }

  /** Every combination of stanzas that the configuration names, for checks at load. */
  *combinations(): Generator<Layers> {
    for (const socket of [undefined, ...this.#sockets]) {
      yield this.#layers(socket, undefined);
      for (const { block } of [...(socket?.peers ?? []), ...this.#peers]) yield this.#layers(socket, block.address);
    }
  }

  /** The most particular socket of that port; none: what the listener itself says. */
  #socketOf({ localAddress, localPort }: InboundQuestion): Socket | undefined {
    const fits = ({ name }: Socket): boolean =>
      name !== undefined && name.port === localPort && covers(name.address, localAddress);
    const found = this.#sockets.filter(fits);
    return found.find(({ name }) => name?.address === localAddress) ?? found[0];
  }

  #layers(socket: Socket | undefined, client: IpAddress | undefined): Stanza[] {
    const own = [
      ...narrowest(socket?.peers ?? [], client),
      ...(socket === undefined ? [] : [socket.stanza]),
      ...narrowest(this.#peers, client),
      this.#listener,
    ];
    const pathway = textOf(find([...own, this.#model.global], "pathway"));
    const stanza = pathway === undefined ? undefined : this.#model.pathways.get(pathway);
    return [...own, ...(stanza === undefined ? [] : [stanza]), this.#model.global];
  }

  make(layers: Layers): InboundRule {
    const extensions = find(layers, "smtp_extensions");
    const ssl = find(layers, "use_ssl");
    const relay = find(layers, "tls_verified_peer_can_relay");
    const injection = find(layers, "starttls_injection_policy");
    const { protocols, ciphers, refuse: badCiphers } = this.#handshakes.read(layers);
    const certificate = find(layers, "tls_certificate");
    const loaded =
      certificate === undefined || isNone(certificate)
        ? undefined
        : this.#keyFiles.credential(certificate, find(layers, "tls_key"));
    const offers = listsStarttls(extensions) && loaded !== undefined;
    const authority = find(layers, "tls_client_ca");
    const anchors = authority === undefined ? undefined : this.#keyFiles.anchors(authority);
    // Where TLS is not to be had, what it would need does not matter.
    const refuse =
      offers || truthOf(ssl) === true
        ? (this.#problem(certificate, loaded) ?? this.#problem(authority, anchors) ?? badCiphers)
        : undefined;
    return {
      starttls: this.#sourced(offers ? "offer" : "never", extensions),
      implicitTls: this.#sourced(truthOf(ssl) === true, ssl),
      clientCertificate: clientCertificate(find(layers, "tls_verify_mode"), this.#defaults),
      clientAnchors: this.#sourced(anchors?.kind === "ok" ? anchors.value : noAnchors, authority),
      auth: this.#sourced("always", undefined),
      pipelined: this.#sourced(keywordOf(injection) === "ignore" ? "discard" : "reject", injection),
      ...(certificate !== undefined && loaded?.kind === "ok"
        ? { certificate: sourced(loaded.value, certificate) }
        : {}),
      ...(protocols === undefined ? {} : { protocols }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(relay !== undefined && truthOf(relay) === true
        ? { relayByCertificate: sourced({ kind: "trusted" as const }, relay) }
        : {}),
      ...(refuse === undefined ? {} : { refuse }),
    };
  }

  #sourced<T>(value: T, setting: Setting | undefined): Sourced<T> {
    return setting === undefined ? { value, from: this.#defaults } : sourced(value, setting);
  }

  #problem(
    setting: Setting | undefined,
    loaded: Readonly<{ kind: "ok" }> | Readonly<{ kind: "problem"; text: string }> | undefined,
  ): Sourced<string> | undefined {
    if (setting === undefined || loaded?.kind !== "problem") return undefined;
    return sourced(`${setting.name}: ${loaded.text}`, setting);
  }
}

export function listsStarttls(extensions: Setting | undefined): boolean {
  return (
    wordsOf(extensions?.value ?? { kind: "list", words: [] })?.some((word) => word.toUpperCase() === "STARTTLS") ??
    false
  );
}

/** Unset: asked for and verified where one is shown, without consequence. */
function clientCertificate(mode: Setting | undefined, from: Origin): NonNullable<InboundRule["clientCertificate"]> {
  if (mode === undefined) return { value: "ask", from };
  return sourced(keywordOf(mode) === "require" ? "require" : "do-not-ask", mode);
}

function readPeers({ peers }: ListenerStanza): Peers {
  const found = [...peers].flatMap(([text, stanza]) => {
    const block = parseBlock(text);
    return block === undefined ? [] : [{ block, stanza }];
  });
  return found.toSorted((left, right) => right.block.prefix - left.block.prefix);
}

function narrowest(peers: Peers, client: IpAddress | undefined): Stanza[] {
  if (client === undefined) return [];
  const found = peers.find(({ block }) => inCidr(client, block));
  return found === undefined ? [] : [found.stanza];
}

function covers(address: ListenName["address"], local: IpAddress | undefined): boolean {
  if (address === "any" || local === undefined) return true;
  return address === "any-ipv6" ? isIpv6(local) : address === local;
}
