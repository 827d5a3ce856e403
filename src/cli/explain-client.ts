/**
 * `letterlock explain --client ADDRESS`: what a client is offered and what is demanded of it, and which line of which
 * file says so. The very functions that lead a session are asked, with a session that was made up. Asks no DNS and
 * connects to nobody.
 */
import { formatEndpoint } from "../config/endpoint.ts";
import type { LoadResult } from "../config/load.ts";
import { withSelfMadeCertificate } from "../config/load.ts";
import type { ListenerSettings, Settings } from "../config/settings.ts";
import type { IpAddress, Mailbox } from "../mail/address.ts";
import type { ClientName } from "../mail/client-name.ts";
import { parseDomain } from "../mail/domain.ts";
import { isIpv6, parseIp } from "../mail/ip.ts";
import { parseMailbox } from "../smtp/path.ts";
import { type ClientExplanation, explainClientTo } from "./explain-client-answers.ts";
import { clientInWords } from "./explain-client-text.ts";

export type ClientOptions = Readonly<{
  client?: string;
  clientName?: string;
  listener?: string;
  local?: string;
  from?: string;
  to?: string;
  user?: string;
  json?: boolean;
}>;

/** Whom and what the question is about, as far as it was said. */
export type ClientQuestion = Readonly<{
  client: IpAddress;
  clientName: ClientName;
  user: string | undefined;
  /** Undefined: the null sender. */
  sender: Mailbox | undefined;
  recipient: Mailbox | undefined;
}>;

/** Where a client connects to. */
export type Door = Readonly<{
  /** Undefined: no listener of ours is there; only what policy sources say of the address. */
  listener: ListenerSettings | undefined;
  address: IpAddress | undefined;
  port: number;
}>;

/** @returns the text to print, or what is wrong with the options */
export function explainClient(
  options: ClientOptions,
  loaded: Readonly<{ settings: Settings; needsSelfMade: LoadResult["needsSelfMade"] }>,
): Readonly<{ printed: string } | { wrong: string }> {
  const settings = loaded.needsSelfMade ? withSelfMadeCertificate(loaded.settings, selfMade) : loaded.settings;
  const question = readQuestion(options, settings);
  if (typeof question === "string") return { wrong: question };
  const doors = findDoors(options, question.client, settings);
  if (typeof doors === "string") return { wrong: doors };
  const answers = doors.map((door) => explainClientTo(question, door, settings));
  return { printed: options.json === true ? asJson(answers) : answers.map(clientInWords).join("\n") };
}

/** What a first start makes; only its name matters here. */
const selfMade = { name: "self-made", id: "self-made", certificateChain: "", privateKey: "" };

function asJson(answers: readonly ClientExplanation[]): string {
  return `${JSON.stringify(answers, null, 2)}\n`;
}

function readQuestion(options: ClientOptions, settings: Settings): ClientQuestion | string {
  const client = parseIp(options.client ?? "");
  if (client === undefined) return `--client ${options.client}: not an IP address`;
  const clientName = readName(options.clientName);
  if (clientName === undefined) return `--client-name ${options.clientName}: neither a host name nor "?"`;
  const sender = options.from === undefined || options.from === "<>" ? undefined : parseMailbox(options.from);
  if (options.from !== undefined && options.from !== "<>" && sender === undefined)
    return `--from ${options.from}: neither a mailbox nor <>`;
  const recipient = options.to === undefined ? undefined : parseMailbox(options.to);
  if (options.to !== undefined && recipient === undefined) return `--to ${options.to}: not a mailbox`;
  if (options.user !== undefined && settings.users.find(options.user) === undefined)
    return `--user ${options.user}: there is no such user`;
  return { client, clientName, user: options.user, sender, recipient };
}

function readName(text: string | undefined): ClientName | undefined {
  if (text === undefined) return { kind: "none" };
  if (text === "?") return { kind: "unknown" };
  const name = parseDomain(text);
  return name && { kind: "verified", name };
}

/** Where none is named, every listener that takes clients of this address family. */
function findDoors(
  { listener: name, local }: ClientOptions,
  client: IpAddress,
  { listeners }: Settings,
): readonly Door[] | string {
  const place = local === undefined ? undefined : readPlace(local);
  if (local !== undefined && place === undefined) return `--local ${local}: not an address and a port`;
  const named = name === undefined ? listeners : listeners.filter((listener) => listener.name === name);
  if (named.length === 0) {
    const known = listeners.map((listener) => listener.name).join(", ");
    return `--listener ${name}: no such listener; there are: ${known}`;
  }
  if (place === undefined) return doorsFor(client, named);
  const there = named.find((listener) => listensAt(listener, place)) ?? (name === undefined ? undefined : named[0]);
  return [{ listener: there, ...place }];
}

function doorsFor(client: IpAddress, listeners: readonly ListenerSettings[]): readonly Door[] | string {
  const reachable = listeners.filter(({ address }) => isIpv6(address) === isIpv6(client));
  const family = isIpv6(client) ? "IPv6" : "IPv4";
  return reachable.length === 0
    ? `--client ${client}: no listener there takes ${family} clients`
    : reachable.map(doorOf);
}

function doorOf(listener: ListenerSettings): Door {
  return { listener, address: isWildcard(listener.address) ? undefined : listener.address, port: listener.port };
}

type Place = Readonly<{ address: IpAddress; port: number }>;

function readPlace(text: string): Place | undefined {
  const [, host = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const address = parseIp(host.replace(/^\[(.*)\]$/, "$1"));
  const port = Number(digits);
  return address === undefined || port > 65_535 ? undefined : { address, port };
}

function listensAt({ address, port }: ListenerSettings, place: Place): boolean {
  const covers = address === place.address || (isWildcard(address) && isIpv6(address) === isIpv6(place.address));
  return covers && port === place.port;
}

function isWildcard(address: IpAddress): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** For people: `192.0.2.1:25`. */
export function formatDoor({ address, port, listener }: Door): string | null {
  const shown = address ?? listener?.address;
  return shown === undefined ? null : formatEndpoint({ address: shown, port });
}
