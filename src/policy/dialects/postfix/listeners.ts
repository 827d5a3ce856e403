/**
 * Where Postfix listens for SMTP: the inet services of master.cf that run smtpd, at the addresses of `inet_interfaces`
 * unless they write their own (Postfix: master(5), postconf(5) on `inet_interfaces` and `inet_protocols`).
 *
 * Names of interfaces are not looked up: a service that listens at a name alone is not opened, and a note says so.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { isIpv6, parseIp } from "../../../mail/ip.ts";
import type { Origin } from "../../rules.ts";
import type { DialectListener } from "../dialect.ts";
import { addressesOf } from "./client-networks.ts";
import type { View } from "./configuration.ts";
import type { InboundService } from "./inbound-service.ts";
import type { Notes } from "./lints.ts";
import { listenerOf } from "./listener-address.ts";

/** One for each address that a service listens at. */
export function readListeners(services: readonly InboundService[], notes: Notes): readonly DialectListener[] {
  const listeners: DialectListener[] = [];
  for (const service of services) {
    const from = originOf(service);
    const { port } = listenerOf(service.name);
    const addresses = addressesFor(service, from, notes);
    if (port === undefined) {
      notes.add("warning", from, `service ${service.name}: there is no such port: it is not opened`, "write a number");
      continue;
    }
    if (service.broken !== undefined) continue;
    noteService(service, addresses, from, notes);
    const implicitTls = service.view.flag("smtpd_tls_wrappermode");
    for (const [at, address] of addresses.entries()) {
      const name = at === 0 ? service.name : `${service.name} ${address}`;
      listeners.push({ name, address, port, implicitTls, from });
    }
  }
  return listeners;
}

function originOf({ name, place }: InboundService): Origin {
  const { file, line, column } = place ?? {};
  return { source: "postfix", file, line, column, scope: `service ${name}` };
}

function addressesFor({ name, view }: InboundService, from: Origin, notes: Notes): readonly IpAddress[] {
  const { everywhere, host } = listenerOf(name);
  const spoken = familiesOf(view);
  if (!everywhere) {
    const addresses = host === "localhost" ? loopback : addressesOf([host]);
    if (addresses.length === 0) {
      const text = `service ${name}: the name of an interface is not looked up: it is not opened`;
      notes.add("differs", from, text, "write the address");
    }
    return addresses.filter(spoken);
  }
  const interfaces = view.setting("inet_interfaces");
  const words = view.list("inet_interfaces");
  if (words.includes("all")) return wildcards.filter(spoken);
  if (words.includes("loopback-only")) return loopback.filter(spoken);
  const addresses = new Set(words.flatMap((word) => (word === "localhost" ? loopback : addressesOf([word]))));
  const unread = words.filter((word) => word !== "localhost" && addressesOf([word]).length === 0);
  for (const word of unread) {
    const text = `inet_interfaces: "${word}" is not looked up: nothing listens there`;
    notes.add("differs", interfaces.from, text, "write its address, or all");
  }
  return [...addresses].filter(spoken);
}

const loopback = ["127.0.0.1", "::1"].flatMap((text) => parseIp(text) ?? []);
const wildcards = ["0.0.0.0", "::"].flatMap((text) => parseIp(text) ?? []);

function familiesOf(view: View): (address: IpAddress) => boolean {
  const words = view.list("inet_protocols").map((word) => word.toLowerCase());
  const [v4, v6] = ["ipv4", "ipv6"].map((family) => words.includes("all") || words.includes(family));
  return (address) => (isIpv6(address) ? v6 : v4) === true;
}

function noteService(
  { name, screened }: InboundService,
  addresses: readonly IpAddress[],
  from: Origin,
  notes: Notes,
): void {
  if (screened === true) {
    const text = `service ${name}: postscreen's tests of clients are not made: they come to smtpd at once`;
    notes.add("differs", from, text, "keep a filter before Letterlock where that matters");
  }
  const inner = addresses.length > 0 && addresses.every((address) => loopback.includes(address));
  if (inner && !["25", "smtp", "587", "submission"].includes(name.replace(/^.*:/, ""))) {
    const text = `service ${name}: opened like any other; a content filter that hands mail back to it has none before it here`;
    notes.add("differs", from, text, "remove it where no program of yours sends mail there");
  }
}
