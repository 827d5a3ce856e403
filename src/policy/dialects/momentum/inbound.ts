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
import type { InboundQuestion, InboundRule } from "../../rules.ts";
import type { DialectListener } from "../dialect.ts";
import { withoutCovered } from "../open-listeners.ts";
import { type HandshakeReader, sourced } from "./handshake-values.ts";
import type { KeyFiles } from "./key-files.ts";
import { InboundRuleMaker } from "./make-inbound-rule.ts";
import { defaultOrigin, type ListenerStanza, type Model, originOf, type Stanza, textOf, truthOf } from "./model.ts";
import { relayLine } from "./relaying.ts";
import { find, type Layers } from "./resolve.ts";
import { type ListenName, parseBlock, parseListenName } from "./socket-names.ts";

type Peers = readonly Readonly<{ block: Cidr; stanza: Stanza }>[];

type Socket = Readonly<{ text: string; name: ListenName | undefined; stanza: ListenerStanza; peers: Peers }>;

/** One combination of stanzas, for checks at load. `socket` is undefined for what the listener says without one. */
export type Combination = Readonly<{ layers: Layers; rule: InboundRule; socket: string | undefined }>;

export class InboundRules {
  readonly #model: Model;
  readonly #maker: InboundRuleMaker;
  readonly #listener: ListenerStanza;
  readonly #peers: Peers;
  readonly #sockets: readonly Socket[];
  readonly #made = new LRUCache<string, InboundRule>({ max: 200 });

  constructor(model: Model, listener: ListenerStanza, keyFiles: KeyFiles, handshakes: HandshakeReader) {
    this.#model = model;
    this.#maker = new InboundRuleMaker(keyFiles, handshakes, defaultOrigin(listener.at.file.path));
    this.#listener = listener;
    this.#peers = readPeers(listener);
    this.#sockets = [...listener.listens].map(([text, stanza]) => ({
      text,
      name: parseListenName(text),
      stanza,
      peers: readPeers(stanza),
    }));
  }

  /** `undefined` for a socket that the configuration switches off. */
  rule(question: InboundQuestion): InboundRule | undefined {
    const socket = this.#socketOf(question);
    const layers = this.#layers(socket, question.client);
    if (truthOf(find(layers, "enable")) === false) return undefined;
    const relay = relayLine(layers, question.client);
    const key = `${layers.map(({ id }) => id).join(",")} ${relay?.name ?? ""}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#make(socket, layers);
    const rule = relay === undefined ? made : { ...made, relay: sourced(true, relay) };
    this.#made.set(key, rule);
    return rule;
  }

  /** Sockets to open: not those that are switched off, and none in the file system. */
  listeners(): readonly DialectListener[] {
    const made = this.#sockets.flatMap((socket): DialectListener[] => {
      const { text, name, stanza } = socket;
      const layers = this.#layers(socket, undefined);
      if (name === undefined || truthOf(find(layers, "enable")) === false) return [];
      const implicitTls = truthOf(find(layers, "use_ssl")) === true;
      const from = originOf({ ...stanza.at, scope: stanza.scope });
      return [{ name: text, address: addressOf(name), port: name.port, implicitTls, from }];
    });
    return withoutCovered(made);
  }

  /** Every combination of stanzas that the configuration names. */
  *combinations(): Generator<Combination> {
    for (const socket of [undefined, ...this.#sockets]) {
      for (const block of [undefined, ...(socket?.peers ?? []), ...this.#peers]) {
        const layers = this.#layers(socket, block?.block.address);
        yield { layers, rule: this.#make(socket, layers), socket: socket?.text };
      }
    }
  }

  #make(socket: Socket | undefined, layers: Layers): InboundRule {
    return this.#maker.make(layers, find(this.#layers(socket, undefined), "use_ssl"));
  }

  /** The most particular socket of that port; none: what the listener itself says. */
  #socketOf({ localAddress, localPort }: InboundQuestion): Socket | undefined {
    const fits = ({ name }: Socket): boolean =>
      name !== undefined && name.port === localPort && covers(name.address, localAddress);
    const found = this.#sockets.filter(fits);
    const exact = found.find(({ name }) => name?.address === localAddress);
    return exact ?? found.find(({ name }) => name?.address === "any-ipv6") ?? found[0];
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

function addressOf({ address }: ListenName): IpAddress {
  if (address === "any") return "0.0.0.0" as IpAddress;
  return address === "any-ipv6" ? ("::" as IpAddress) : address;
}
