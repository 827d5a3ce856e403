/**
 * What `check` says of a sendmail.mc or sendmail.cf: every setting that TLS hangs on with what becomes of it, files that
 * cannot be read, and where the two files disagree.
 */
import type { AccessMap } from "./access-map.ts";
import type { Configuration, Notes, Setting } from "./configuration.ts";
import { optionTable } from "./options.ts";
import { modifiersOf, type Setup } from "./setup.ts";

/** @param mc what the sendmail.mc says, where a sendmail.cf is used in its place. */
export function noteConfiguration(used: Configuration | undefined, mc: Configuration | undefined, notes: Notes): void {
  if (used === undefined) return;
  let others = 0;
  const known = new Map(optionTable.map((entry) => [entry.option?.toLowerCase(), entry]));
  for (const [name, { value, at }] of used.options) {
    const entry = known.get(name);
    if (entry === undefined) others += 1;
    else if (value !== "") notes.add(entry.status, at, `${entry.option ?? entry.name} ${value}: ${entry.reason}`);
  }
  const at = { file: used.access?.at.file ?? [...used.options.values()][0]?.at.file ?? "", line: 1 };
  if (others > 0) notes.add("no-effect", at, `${others} other options: not our subject`);
  for (const { value, at: place } of used.clients) {
    const kind = modifiersOf(value).includes("S") ? "applied" : "no-effect";
    notes.add(
      kind,
      place,
      `CLIENT_OPTIONS ${value}: ${kind === "applied" ? "no STARTTLS to others" : "not our subject"}`,
    );
  }
  if (used.sts !== undefined) {
    notes.add(
      "differs",
      used.sts.at,
      "MTA-STS cannot be checked yet: no mail leaves",
      "remove FEATURE(sts) until it can",
    );
  }
  if (used.certificateRegex !== undefined) {
    const text =
      "issuers and subjects are cut down by a regular expression, which is not done here: nobody relays by certificate";
    notes.add("differs", used.certificateRegex.at, text, "allow relaying by network");
  }
  if (mc !== undefined) compare(used, mc, notes);
}

function compare(cf: Configuration, mc: Configuration, notes: Notes): void {
  for (const { option, name } of optionTable) {
    if (option === undefined || !name.startsWith("conf")) continue;
    compareSetting(name, cf.options.get(option.toLowerCase()), mc.options.get(option.toLowerCase()), notes);
  }
  compareSetting("SMART_HOST", cf.smartHost, mc.smartHost, notes);
  compareSetting("FEATURE(access_db)", cf.access, mc.access, notes);
}

function compareSetting(name: string, cf: Setting | undefined, mc: Setting | undefined, notes: Notes): void {
  const [left, right] = [cf?.value || undefined, mc?.value || undefined];
  const at = mc?.at ?? cf?.at;
  if (left === right || at === undefined) return;
  const text = `${name} is ${right ?? "not set"} in sendmail.mc and ${left ?? "not set"} in sendmail.cf, which is what runs`;
  notes.add("warning", at, text, "make sendmail.cf anew from sendmail.mc");
}

export function noteSetup(setup: Setup, map: AccessMap, main: string, notes: Notes): void {
  const at = { file: main, line: 1 };
  if (setup.trustProblem !== undefined) {
    const tables = [map.requirements.tls_srv, map.requirements.tls_rcpt, map.requirements.tls_clt];
    const verifies = tables.some((table) => [...table.values()].some(({ requirement }) => requirement?.verify));
    const text = `CAs cannot be read: ${setup.trustProblem}; nobody is trusted`;
    notes.add(verifies ? "error" : "warning", at, text, "let Letterlock read CACertFile and CACertPath");
  }
  const { clientPair, serverPair } = setup;
  if (clientPair.kind === "failed")
    notes.add("error", at, `our certificate as a client: ${clientPair.problem}`, clientPair.remedy);
  if (clientPair.kind === "ok" && clientPair.warning !== undefined) {
    notes.add("warning", at, `our certificate as a client: ${clientPair.warning}`, "renew it");
  }
  if (serverPair.kind === "failed") {
    notes.add(
      "warning",
      at,
      `our certificate as a server: ${serverPair.problem}; STARTTLS is not offered`,
      serverPair.remedy,
    );
  }
  if (clientPair.kind === "ok" && clientPair.others.length > 0) {
    notes.add("differs", at, "of two pairs of certificate and key as a client the first is shown", "");
  }
}
