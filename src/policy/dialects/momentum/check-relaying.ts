/**
 * Relaying that is wider than its author may have meant, or narrower here than there.
 */
import { type Model, type Setting, type Stanza, truthOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { isUnlimited, patternsOf, relayBlocks } from "./relaying.ts";
import { listenerStanzas } from "./resolve.ts";
import { parseBlock } from "./socket-names.ts";
import { wordsOf } from "./values.ts";

export function checkRelaying(model: Model, notes: Notes): void {
  for (const stanza of [model.global, ...listenerStanzas(model)]) {
    checkHosts(stanza, notes);
    checkOpen(stanza, notes);
  }
  checkDomains(model, notes);
}

function checkHosts({ settings }: Stanza, notes: Notes): void {
  const hosts = settings.get("relay_hosts");
  if (hosts === undefined) return;
  const odd = (wordsOf(hosts.value) ?? []).filter((word) => parseBlock(word) === undefined);
  if (odd.length > 0) {
    notes.add("differs", hosts, `relay_hosts: no addresses, and not taken: ${odd.join(", ")}`, "write 192.0.2.0/24");
  }
  if (relayBlocks(hosts).some(({ prefix }) => prefix === 0)) openRelay(hosts, "every client", notes);
}

/** In a peer it is how the manual lets a block of clients relay; everywhere else it means all of them. */
function checkOpen({ settings, scope }: Stanza, notes: Notes): void {
  const open = settings.get("open_relay");
  const senders = settings.get("relay_for_sending_domains");
  for (const setting of [truthOf(open) === true ? open : undefined, isUnlimited(senders) ? senders : undefined]) {
    if (setting !== undefined && !isNarrowPeer(scope)) openRelay(setting, `every client of ${scope}`, notes);
  }
}

function isNarrowPeer(scope: string): boolean {
  const [, block] = /^peer (\S+)/.exec(scope) ?? [];
  return block !== undefined && parseBlock(block)?.prefix !== 0;
}

function openRelay(at: Setting, who: string, notes: Notes): void {
  const text = `${at.name}: ${who} may send to anywhere`;
  notes.add("warning", at, text, "name the addresses of your own clients in relay_hosts");
}

function checkDomains({ global, pathways }: Model, notes: Notes): void {
  const setting = global.settings.get("relay_domains");
  for (const word of setting === undefined ? [] : (wordsOf(setting.value) ?? [])) {
    if (setting === undefined) continue;
    const patterns = patternsOf(word);
    if (patterns === undefined) notes.add("differs", setting, `relay_domains: ${word} is no domain, and not taken`);
    else if (word === "*") openRelay(setting, "every client", notes);
    else if (/^\*[^.]/.test(word)) {
      const text = `relay_domains: ${word} is ${word.slice(1)} and all below it here, and no other name that ends so`;
      notes.add("differs", setting, text, `write ${word.slice(1)} and *.${word.slice(1)}`);
    }
  }
  for (const { settings } of pathways.values()) {
    const own = settings.get("relay_domains");
    if (own === undefined) continue;
    const text = "relay_domains of a pathway is not taken: the list at the top holds for all listeners";
    notes.add("differs", own, text, "write them at the top, or under relay-domains of letterlock.yaml");
  }
}
