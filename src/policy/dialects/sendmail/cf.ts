/**
 * sendmail.cf, as far as TLS hangs on it: options, the access map and the mailer table, the smart host, and what the
 * rulesets were generated with. The rulesets themselves are not carried out: those of Sendmail's own are known, and
 * hand-written ones for TLS are an error, since they may ask for more than we would do.
 *
 * The lines that a sendmail.mc leaves over (`LOCAL_CONFIG`) are read by the same code. Linear time, no throw.
 */
import { type Configuration, Notes, type Place, type Relaying, type Reply, type Setting } from "./configuration.ts";
import { optionTable } from "./options.ts";
import { otherFamilies, otherOptions } from "./other-names.ts";

export type CfLine = Readonly<{ text: string; at: Place }>;

/** Lines that begin with a blank continue the one before. */
export function cfLines(file: string, text: string): readonly CfLine[] {
  const lines: { text: string; at: Place }[] = [];
  for (const [number, line] of text.split("\n").entries()) {
    const last = lines.at(-1);
    if (last !== undefined && /^[ \t]/.test(line)) last.text += `\n${line}`;
    else lines.push({ text: line.replace(/\r$/, ""), at: { file, line: number + 1 } });
  }
  return lines.filter((line) => line.text !== "" && !line.text.startsWith("#"));
}

export function readCf(file: string, text: string): Configuration {
  const reader = new CfReader();
  for (const line of cfLines(file, text)) reader.take(line);
  if (!reader.hasTlsRules) {
    reader.notes.add(
      "error",
      { file, line: 1 },
      "there are no rulesets for TLS in this file",
      "give a whole sendmail.cf, as m4 writes it",
    );
  }
  return reader.configuration();
}

/** Rulesets that somebody wrote by hand, and what that means. */
const localRulesets: ReadonlyMap<string, "error" | "differs"> = new Map([
  ["local_tls_server", "error"],
  ["local_tls_rcpt", "error"],
  ["local_tls_client", "error"],
  ["local_srv_features", "error"],
  ["local_try_tls", "differs"],
  ["local_clt_features", "differs"],
]);

export class CfReader {
  readonly notes = new Notes();
  readonly options = new Map<string, Setting>();
  readonly daemons: Setting[] = [];
  readonly clients: Setting[] = [];
  readonly #classes = new Map<string, Setting[]>();
  readonly #classFiles = new Map<string, Setting[]>();
  readonly #rulesets = new Map<string, Place>();
  #entireDomain = false;
  #hostsOnly = true;
  readonly #maps = new Map<string, Setting>();
  readonly #macros = new Map<string, Setting>();
  #ruleset = "";
  #skip = false;
  #dots = false;
  #sessionFeatures = false;
  #defaultReply: Reply | undefined;
  hasTlsRules = false;

  take({ text, at }: CfLine): void {
    const rest = text.slice(1);
    switch (text[0]) {
      case "O":
        this.#option(rest, at);
        return;
      case "K": {
        const [, name = "", value = ""] = /^\s*(\S+)\s+([^\n]*)/.exec(rest) ?? [];
        this.#maps.set(name.toLowerCase(), { value: value.trim(), at });
        return;
      }
      case "D": {
        const [, name = "", value = ""] = /^(\{[^}]*\}|.)(.*)/s.exec(rest) ?? [];
        this.#macros.set(name, { value: value.trim(), at });
        return;
      }
      case "C":
      case "F": {
        const [, name = "", value = ""] = /^(\{[^}]*\}|.)(.*)/s.exec(rest) ?? [];
        const classes = text.startsWith("C") ? this.#classes : this.#classFiles;
        const before = classes.get(name.replace(/^\{(.)\}$/, "$1")) ?? [];
        classes.set(name.replace(/^\{(.)\}$/, "$1"), [...before, { value: value.trim(), at }]);
        return;
      }
      case "S":
        this.#ruleset = /^\s*([^\s=]*)/.exec(rest)?.[1]?.toLowerCase() ?? "";
        this.#rulesets.set(this.#ruleset, at);
        if (this.#ruleset === "tls_connection") this.hasTlsRules = true;
        return;
      case "R":
        this.#rule(rest, at);
        return;
      default:
        if (!/^[EHMPTVQXL]/.test(text)) this.#unknownLine(text, at);
    }
  }

  configuration(): Configuration {
    const host = this.#macros.get("S");
    const version = /^\d+\.\d+(?:\.\d+)?/.exec(this.#macros.get("Z")?.value ?? "")?.[0];
    return {
      options: this.options,
      daemons: this.daemons,
      relaying: this.#relaying(),
      trustedMechanisms: this.#classes.get("{TrustAuthMech}")?.at(-1),
      delayChecks: this.#delayChecks(),
      clients: this.clients,
      access: this.#maps.get("access"),
      mailertable: this.#maps.get("mailertable"),
      smartHost: host?.value === "" ? undefined : host,
      hostname: this.#macros.get("j"),
      skip: this.#skip,
      dots: this.#dots,
      sessionFeatures: this.#sessionFeatures,
      sts: this.#maps.get("sts"),
      certificateRegex: this.#maps.get("certissuer") ?? this.#maps.get("certsubject"),
      permanent: false,
      defaultReply: this.#defaultReply,
      version,
      notes: this.notes.list,
    };
  }

  /** Where rulesets stand in this file: what they leave out is what was asked for. */
  #relaying(): Relaying {
    const rcpt = this.#rulesets.has("rcpt_ok");
    const ownDomain = this.#macros.get("m");
    return {
      promiscuous: rcpt && !this.#rulesets.has("relay_ok"),
      entireDomain: this.#entireDomain,
      hostsOnly: rcpt && this.#hostsOnly,
      ownDomains: [...(ownDomain === undefined ? [] : [ownDomain]), ...(this.#classes.get("m") ?? [])],
      words: this.#classes.get("R") ?? [],
      files: this.#classFiles.get("R") ?? [],
    };
  }

  #delayChecks(): Setting | undefined {
    const at = this.#rulesets.get("delay_tls_clt");
    return at === undefined ? undefined : { value: "", at };
  }

  #unknownLine(text: string, at: Place): void {
    const shown = text.slice(0, 40);
    this.notes.add("error", at, `unknown kind of line: ${shown}`, "remove it, or comment it out");
  }

  #option(rest: string, at: Place): void {
    if (!rest.startsWith(" ")) {
      this.notes.add("no-effect", at, `short option O${rest.slice(0, 1)}: not our subject`);
      return;
    }
    const equals = rest.indexOf("=");
    const written = (equals < 0 ? rest : rest.slice(0, equals)).trim();
    const value = equals < 0 ? "" : rest.slice(equals + 1).trim();
    const name = this.#optionName(written, at);
    if (name === "daemonportoptions") this.daemons.push({ value, at });
    else if (name === "clientportoptions") this.clients.push({ value, at });
    else if (name !== undefined) this.options.set(name, { value, at });
  }

  /** Lower case; any unambiguous beginning of a name does, as in Sendmail. */
  #optionName(written: string, at: Place): string | undefined {
    const lower = written.toLowerCase();
    if (known.has(lower)) return lower;
    const family = lower.split(".")[0] ?? "";
    if (lower.includes(".") && otherFamilies.includes(family)) return undefined;
    const matches = [...known].filter((name) => name.startsWith(lower));
    const [only] = matches;
    if (only !== undefined && matches.length === 1) {
      this.notes.add("warning", at, `option ${written} is taken for ${only}`, "write the whole name");
      return only;
    }
    this.notes.add(
      "error",
      at,
      `${matches.length === 0 ? "unknown" : "ambiguous"} option ${written}`,
      "write an option that Sendmail has",
    );
    return undefined;
  }

  #rule(rest: string, at: Place): void {
    const kind = localRulesets.get(this.#ruleset);
    if (kind !== undefined) {
      this.notes.add(
        kind,
        at,
        `hand-written rules in ${this.#ruleset} are not translated`,
        kind === "error" ? "say in the access map what they ask for, and remove them" : "",
      );
      this.#ruleset = "";
      return;
    }
    if (this.#ruleset === "d") this.#ruleOfNames(rest);
    if (this.#ruleset === "rcpt_ok") this.#ruleOfRecipients(rest);
    if (this.#ruleset === "tls_clt_feat_acc" || this.#ruleset === "tls_clt_features") {
      this.#sessionFeatures ||= /TLS_Clt_Features/i.test(rest);
    }
    if (this.#ruleset !== "tls_connection") return;
    const [, code, status] = /^\$\* \$\| <\$=\{Tls\} \$\*>\s+\$: \$1 \$\| <(\d+):([\d.]+)>/.exec(rest) ?? [];
    if (code !== undefined)
      this.#defaultReply = { code: replyCode(code), status: status === "5.7.0" ? status : "4.7.0" };
  }

  #ruleOfRecipients(rest: string): void {
    this.#entireDomain ||= /^\$\+ < @ \$\* \$=m >/.test(rest);
    if (/^\$\+ < @ \$\* \$=R >/.test(rest)) this.#hostsOnly = false;
  }

  #ruleOfNames(rest: string): void {
    this.#skip ||= rest.startsWith("<SKIP>");
    this.#dots ||= /\$\(access \$\d:\.\$\d/.test(rest);
  }
}

function replyCode(text: string): Reply["code"] {
  if (text === "403" || text === "503" || text === "554") return text === "403" ? 403 : text === "503" ? 503 : 554;
  return 454;
}

const known: ReadonlySet<string> = new Set(
  [...optionTable.flatMap(({ option }) => option ?? []), ...otherOptions].map((name) => name.toLowerCase()),
);
