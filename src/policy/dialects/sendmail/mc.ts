/**
 * sendmail.mc: carried out by `m4.ts`, with Sendmail's own macros known by name instead of read from its sources. What
 * they leave over as text (`LOCAL_CONFIG`) is read as lines of a sendmail.cf.
 */
import path from "node:path";
import type { SourceFiles } from "../dialect.ts";
import { type CfLine, CfReader } from "./cf.ts";
import type { Configuration, Place, Setting } from "./configuration.ts";
import { M4, type M4Macro } from "./m4.ts";
import { optionTable } from "./options.ts";
import { otherFeatures } from "./other-names.ts";

const defaultTree = "/usr/share/sendmail/cf/";

type Features = {
  access: Setting | undefined;
  mailertable: Setting | undefined;
  sts: Setting | undefined;
  skip: boolean;
  dots: boolean;
  sessionFeatures: boolean;
  delayChecks: Setting | undefined;
};

export function readMc(file: string, text: string, files: SourceFiles): Configuration {
  return new McReader(file, files).read(text);
}

class McReader {
  readonly #file: string;
  readonly #files: SourceFiles;
  readonly #cf = new CfReader();
  readonly #m4: M4;
  readonly #features: Features = {
    access: undefined,
    mailertable: undefined,
    sts: undefined,
    skip: false,
    dots: false,
    sessionFeatures: false,
    delayChecks: undefined,
  };
  readonly #relaying = { promiscuous: false, entireDomain: false, hostsOnly: false };
  readonly #relayWords: Setting[] = [];
  readonly #relayFiles: Setting[] = [];
  #withoutMsa = false;
  #trustedMechanisms: Setting | undefined;
  readonly #clients: Setting[] = [];
  readonly #daemons: Setting[] = [];
  #tree = defaultTree;

  constructor(file: string, files: SourceFiles) {
    this.#file = file;
    this.#files = files;
    this.#m4 = new M4({
      macros: this.#macros(),
      definitions: new Map([
        ["MAIL_SETTINGS_DIR", "/etc/mail/"],
        ["DATABASE_MAP_TYPE", "hash"],
      ]),
      include: (path) => this.#include(path),
    });
  }

  read(text: string): Configuration {
    this.#m4.process(this.#file, text);
    for (const line of this.#m4.lines) this.#leftOver(line);
    for (const { at, text: why, remedy } of this.#m4.faults) this.#cf.notes.add("error", at, why, remedy);
    for (const entry of optionTable) {
      if (entry.option !== undefined && entry.name.startsWith("conf")) this.#setOption(entry.name, entry.option);
    }
    this.#checkNames();
    return this.#configuration();
  }

  #configuration(): Configuration {
    const version = /^\d+\.\d+(?:\.\d+)?/.exec(this.#m4.definition("sm_version")?.text ?? "")?.[0];
    const left = this.#cf.configuration();
    return {
      ...left,
      ...this.#features,
      mailertable: left.mailertable ?? this.#features.mailertable,
      access: left.access ?? this.#features.access,
      daemons: [...this.#ports(), ...left.daemons],
      relaying: {
        ...this.#relaying,
        ownDomains: left.relaying.ownDomains,
        words: [...this.#relayWords, ...left.relaying.words],
        files: [...this.#relayFiles, ...this.#relayFile(), ...left.relaying.files],
      },
      trustedMechanisms: this.#trustedMechanisms ?? left.trustedMechanisms,
      clients: [...this.#clients, ...left.clients],
      smartHost: this.#setting("SMART_HOST") ?? left.smartHost,
      hostname: this.#setting("confDOMAIN_NAME") ?? left.hostname,
      certificateRegex: this.#setting("_CERT_REGEX_ISSUER_") ?? this.#setting("_CERT_REGEX_SUBJECT_"),
      permanent: this.#m4.definition("TLS_PERM_ERR") !== undefined,
      defaultReply: undefined,
      version,
      notes: this.#cf.notes.list,
    };
  }

  /** As m4 writes them: port 25 of both families where no line says otherwise, and the MSA. */
  #ports(): readonly Setting[] {
    const at: Place = { file: this.#file, line: 0 };
    const written = this.#daemons.length > 0 ? this.#daemons : defaultPorts.map((value) => ({ value, at }));
    return this.#withoutMsa ? written : [...written, { value: "Port=587, Name=MSA, M=E", at }];
  }

  /** The file of relay domains may be missing where nobody names it. */
  #relayFile(): readonly Setting[] {
    const written = this.#setting("confCR_FILE");
    if (written !== undefined) return [written];
    const folder = this.#m4.expand("MAIL_SETTINGS_DIR").trim();
    return [{ value: `-o ${folder}relay-domains`, at: { file: this.#file, line: 1 } }];
  }

  /** A value as it would be written out: macros in it expanded. */
  #setting(name: string): Setting | undefined {
    const definition = this.#m4.definition(name);
    if (definition === undefined) return undefined;
    const value = this.#m4.expand(name).trim();
    return value === "" ? undefined : { value, at: definition.at };
  }

  #setOption(name: string, option: string): void {
    const definition = this.#m4.definition(name);
    if (definition === undefined || definition.at.file === "") return;
    const value = this.#m4.expand(name).trim();
    this.#cf.options.set(option.toLowerCase(), { value, at: definition.at });
  }

  /** m4 takes any name in silence, so a mistyped one is found here or never. */
  #checkNames(): void {
    const known = new Set(optionTable.map(({ name }) => name));
    for (const name of this.#m4.names()) {
      const at = this.#m4.definition(name)?.at ?? { file: this.#file, line: 1 };
      if (name.startsWith("'")) {
        this.#cf.notes.add(
          "error",
          at,
          `${name} is defined with an apostrophe in front`,
          "open quotes with a backquote: `",
        );
      } else if (/^conf.*(?:TLS|SSL|CERT|CRL|CIPHER|DANE|_KEY$)/.test(name) && !known.has(name) && !others.has(name)) {
        this.#cf.notes.add("error", at, `there is no setting ${name}, and m4 does not say so`, "correct the name");
      }
    }
  }

  #leftOver(line: CfLine): void {
    const text = line.text.trim();
    if (text === "" || text.startsWith("#")) return;
    const [, name] = /^([A-Z][A-Z_\d]{3,})\(/.exec(text) ?? [];
    if (name !== undefined) {
      this.#cf.notes.add(
        "error",
        line.at,
        `there is no macro ${name}`,
        "correct its name, or see that it is defined first",
      );
    } else if (/^[OKDSRCFEHMPTVQXL]/.test(line.text)) this.#cf.take(line);
    else if (!/^\s/.test(line.text)) {
      this.#cf.notes.add(
        "warning",
        line.at,
        `text that sendmail.cf would not understand: ${text.slice(0, 40)}`,
        "comment it out with dnl",
      );
    }
  }

  #include(wanted: string): string | Readonly<{ fault: string; remedy: string }> {
    if (wanted.endsWith("m4/cf.m4")) {
      this.#tree = wanted.slice(0, -"m4/cf.m4".length);
      return "";
    }
    const file = path.resolve(path.dirname(this.#file), wanted);
    const answer = this.#files.read(file);
    if (answer.kind === "found") return answer.text;
    const remedy = /^'/.test(wanted)
      ? "open quotes with a backquote: `"
      : "put the file there: what it sets for TLS is not known without it";
    return { fault: `include(${wanted}): ${answer.reason}`, remedy };
  }

  #macros(): ReadonlyMap<string, M4Macro> {
    const nothing: M4Macro = () => "";
    const macros = new Map<string, M4Macro>(withoutEffect.map((name) => [name, nothing]));
    for (const [name, ruleset] of localMacros) macros.set(name, () => `S${ruleset}\n`);
    macros.set("OSTYPE", ([name = ""]) => this.#fromTree("ostype", name, true));
    macros.set("DOMAIN", ([name = ""]) =>
      this.#fromTree("domain", name, name === "generic" || name.startsWith("debian-")),
    );
    macros.set("HACK", ([name = ""]) => this.#fromTree("hack", name, false));
    macros.set("FEATURE", (args, at) => this.#feature(args, at));
    macros.set("DAEMON_OPTIONS", ([value = ""], at) => this.#remember(this.#daemons, value, at));
    macros.set("RELAY_DOMAIN", ([value = ""], at) => this.#remember(this.#relayWords, value, at));
    macros.set("RELAY_DOMAIN_FILE", ([value = ""], at) => this.#remember(this.#relayFiles, value, at));
    macros.set("TRUST_AUTH_MECH", ([value = ""], at) => {
      this.#trustedMechanisms = { value, at };
      return "";
    });
    macros.set("CLIENT_OPTIONS", ([value = ""], at) => this.#remember(this.#clients, value, at));
    return macros;
  }

  #remember(list: Setting[], value: string, at: Place): string {
    list.push({ value, at });
    return "";
  }

  /** Files of Sendmail's own tree: those of the distribution set nothing about TLS, so they may be missing. */
  #fromTree(folder: string, name: string, mayBeMissing: boolean): string {
    const file = `${this.#tree}${folder}/${name}.m4`;
    return `${mayBeMissing ? "sinclude" : "include"}(\`${file}')`;
  }

  #feature([name = "", map = "", ...words]: readonly string[], at: Place): string {
    const features = this.#features;
    const has = (word: string): boolean => words.some((each) => each.trim().toLowerCase() === word);
    switch (name) {
      case "access_db":
        features.access = { value: map.trim() || "hash -T<TMPF> /etc/mail/access", at };
        features.skip ||= has("skip");
        features.dots ||= has("lookupdotdomain");
        return "";
      case "lookupdotdomain":
        features.dots = true;
        return "";
      case "tls_session_features":
        features.sessionFeatures = true;
        return "";
      case "mailertable":
        features.mailertable = { value: map.trim() || "hash /etc/mail/mailertable", at };
        return "";
      case "sts":
        features.sts = { value: map.trim(), at };
        features.sessionFeatures = true;
        return "";
      case "delay_checks":
        features.delayChecks = { value: map.trim(), at };
        return "";
      case "no_default_msa":
        this.#withoutMsa = true;
        return "";
      case "promiscuous_relay":
        this.#relaying.promiscuous = true;
        return "";
      case "relay_entire_domain":
        this.#relaying.entireDomain = true;
        return "";
      case "relay_hosts_only":
        this.#relaying.hostsOnly = true;
        return "";
      case "tls_failures":
        this.#m4.define("confTLS_FALLBACK_TO_CLEAR", "true", at);
        return "";
      case "check_cert_altnames":
        this.#cf.notes.add("differs", at, "CN is compared with the common name alone, which is stricter");
        return "";
      default:
        if (!otherFeatures.has(name)) this.#unknownFeature(name, at);
        return "";
    }
  }

  #unknownFeature(name: string, at: Place): void {
    const remedy = name.startsWith("'") ? "open quotes with a backquote: `" : "correct its name";
    this.#cf.notes.add("error", at, `there is no FEATURE(${name})`, remedy);
  }
}

const defaultPorts = ["Name=MTA-v4, Family=inet", "Name=MTA-v6, Family=inet6"];

const others: ReadonlySet<string> = new Set(["confSHARED_MEMORY_KEY"]);

const localMacros: readonly (readonly [name: string, ruleset: string])[] = [
  ["LOCAL_TLS_SERVER", "Local_tls_server"],
  ["LOCAL_TLS_RCPT", "Local_tls_rcpt"],
  ["LOCAL_TLS_CLIENT", "Local_tls_client"],
  ["LOCAL_TRY_TLS", "Local_try_tls"],
  ["LOCAL_SRV_FEATURES", "Local_srv_features"],
  ["LOCAL_CLT_FEATURES", "Local_clt_features"],
];

const withoutEffect: readonly string[] = (
  "VERSIONID MAILER MAILER_DEFINITIONS LOCAL_CONFIG LOCAL_RULE_0 LOCAL_RULE_1 LOCAL_RULE_2 LOCAL_RULE_3 LOCAL_RULESETS " +
  "LOCAL_UUCP LOCAL_DNSBL LOCAL_NET_CONFIG MODIFY_MAILER_FLAGS MAIL_FILTER INPUT_MAIL_FILTER QUEUE_GROUP UUCPSMTP CONCAT " +
  "SITECONFIG SITE EXPOSED_USER EXPOSED_USER_FILE LOCAL_USER LOCAL_USER_FILE MASQUERADE_AS MASQUERADE_DOMAIN " +
  "MASQUERADE_EXCEPTION MASQUERADE_DOMAIN_FILE MASQUERADE_EXCEPTION_FILE LOCAL_DOMAIN CANONIFY_DOMAIN " +
  "CANONIFY_DOMAIN_FILE GENERICS_DOMAIN GENERICS_DOMAIN_FILE LDAPROUTE_DOMAIN LDAPROUTE_DOMAIN_FILE " +
  "LDAPROUTE_EQUIVALENT LDAPROUTE_EQUIVALENT_FILE VIRTUSER_DOMAIN VIRTUSER_DOMAIN_FILE " +
  "PUSHDIVERT POPDIVERT"
).split(" ");
