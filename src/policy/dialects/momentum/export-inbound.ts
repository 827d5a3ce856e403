/**
 * Whom Momentum lets in is not written in our own language: it is told, so that nobody misses it after the move.
 */
import type { ExportedRule } from "../dialect.ts";
import { type Model, originOf, type Stanza, writtenAs } from "./model.ts";

const why = "who is let in, and how, is yours to write: listeners, users, relay-networks, relay-domains, inbound-rules";

export function exportInbound({ smtpListener, global }: Model): ExportedRule[] {
  const sockets = smtpListener === undefined ? [] : [...smtpListener.listens.values()];
  const peers = smtpListener === undefined ? [] : [smtpListener, ...sockets].flatMap((one) => [...one.peers.values()]);
  const relaying = ["relay_hosts", "relay_domains"].flatMap((name) => global.settings.get(name) ?? []);
  return [
    ...[...sockets, ...peers].map(stanza),
    ...relaying.map((setting) => ({
      kind: "cannot" as const,
      from: originOf(setting),
      written: writtenAs(setting),
      why,
    })),
  ];
}

function stanza({ at, scope }: Stanza): ExportedRule {
  return { kind: "cannot", from: originOf({ ...at, scope }), written: scope, why };
}
