/**
 * DAEMON_OPTIONS: where Sendmail listens, and what its modifiers say of each port. Sendmail reference, section 5.2.
 * Of a name only the first letter counts (`Port=`, `Addr=`, `Family=`, `Name=`, `M=`).
 */
import type { IpAddress } from "../../../mail/address.ts";
import { isIpv6, parseIp } from "../../../mail/ip.ts";
import type { InboundQuestion, Origin } from "../../rules.ts";
import type { DialectListener } from "../dialect.ts";
import type { Configuration, Notes, Setting } from "./configuration.ts";
import { modifiersOf, originOf, portOption } from "./setup.ts";

export type Daemon = Readonly<{
  name: string;
  address: IpAddress;
  port: number;
  /** `M=`: `S` no STARTTLS, `s` TLS from the first octet, `a` who sends must log in, `A` no AUTH. */
  modifiers: string;
  from: Origin;
}>;

/** What cannot be opened is told, and left out. */
export function readDaemons(configuration: Configuration | undefined, notes: Notes): readonly Daemon[] {
  const daemons: Daemon[] = [];
  for (const setting of configuration?.daemons ?? []) {
    const daemon = readDaemon(setting, daemons, notes);
    if (daemon !== undefined) daemons.push(daemon);
  }
  return daemons;
}

export function listenersOf(daemons: readonly Daemon[]): readonly DialectListener[] {
  return daemons.map(({ name, address, port, modifiers, from }) => {
    return { name, address, port, implicitTls: modifiers.includes("s"), from };
  });
}

/** The one whose address a client connected to, before those for all addresses of the family. */
export function daemonFor(
  daemons: readonly Daemon[],
  { localAddress, localPort }: Pick<InboundQuestion, "localAddress" | "localPort">,
): Daemon | undefined {
  const here = daemons.filter(({ port }) => port === localPort);
  if (localAddress === undefined) return here[0];
  const everywhere = isIpv6(localAddress) ? "::" : "0.0.0.0";
  return here.find(({ address }) => address === localAddress) ?? here.find(({ address }) => address === everywhere);
}

function readDaemon(setting: Setting, before: readonly Daemon[], notes: Notes): Daemon | undefined {
  const { value, at } = setting;
  const family = (portOption(value, "F") || "inet").toLowerCase();
  const modifiers = modifiersOf(value);
  if (family !== "inet" && family !== "inet6") {
    notes.add("no-effect", at, `DAEMON_OPTIONS ${value}: only TCP is listened to`);
    return undefined;
  }
  const port = portOf(portOption(value, "P"));
  const address = addressOf(portOption(value, "A"), family);
  if (port === undefined || address === undefined) {
    const what = port === undefined ? "port is not known by its name" : "address is no IP address";
    notes.add("error", at, `DAEMON_OPTIONS ${value}: the ${what}`, "write it as a number");
    return undefined;
  }
  noteModifiers(value, modifiers, setting, notes);
  const wanted = portOption(value, "N") || `Daemon${before.length}`;
  const taken = before.some(({ name }) => name === wanted);
  const name = taken ? `${wanted}-${before.length}` : wanted;
  return { name, address, port, modifiers, from: fromOf(setting, name) };
}

/** What nobody wrote has no line: it says what a port is like, and is no wish to open it. */
function fromOf(setting: Setting, name: string): Origin {
  const from = originOf(setting, `DAEMON_OPTIONS ${name}`);
  return setting.at.line === 0 ? { ...from, line: undefined, column: undefined } : from;
}

const services: Readonly<Record<string, number>> = {
  smtp: 25,
  submission: 587,
  msa: 587,
  smtps: 465,
  submissions: 465,
};

function portOf(text: string): number | undefined {
  if (text === "") return 25;
  const number = services[text.toLowerCase()] ?? (/^\d{1,5}$/.test(text) ? Number(text) : 0);
  return number > 0 && number < 65_536 ? number : undefined;
}

function addressOf(text: string, family: "inet" | "inet6"): IpAddress | undefined {
  const written = text.replace(/^IPv6:/i, "").replace(/^\[(.*)\]$/, "$1");
  if (written === "") return parseIp(family === "inet" ? "0.0.0.0" : "::");
  return parseIp(written.toLowerCase() === "localhost" ? (family === "inet" ? "127.0.0.1" : "::1") : written);
}

function noteModifiers(value: string, modifiers: string, { at }: Setting, notes: Notes): void {
  if (at.line === 0) return;
  const said = [
    modifiers.includes("s") ? "TLS from the first octet" : modifiers.includes("S") ? "no STARTTLS" : "",
    modifiers.includes("a") ? "who sends mail must log in" : modifiers.includes("A") ? "no AUTH" : "",
  ].filter((text) => text !== "");
  const text = said.length === 0 ? "listened to, where letterlock.yaml names no listener" : said.join(", ");
  notes.add("applied", at, `DAEMON_OPTIONS ${value}: ${text}`);
}
