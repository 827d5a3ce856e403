/**
 * The real Sendmail: configurations made by its own m4, maps made by its own makemap, and its rulesets asked in
 * address-test mode (`sendmail -bt`), any number of questions in one process.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inRoot, type Namespace } from "../lab/namespace.ts";

/** What differs between the configurations. */
export type Variant = Readonly<{
  skip: boolean;
  lookupDotDomain: boolean;
  /** TLS_PERM_ERR: what fails, fails for good. */
  permanent: boolean;
  /** TLSFallbacktoClear. */
  fallback: boolean;
  /** FEATURE(tls_session_features). */
  sessionFeatures: boolean;
  /** Lines of a mailer table; there is none without. */
  mailertable: readonly string[];
  /** Further lines of the .mc file. */
  more: string;
}>;

export const plainVariant: Variant = {
  skip: false,
  lookupDotDomain: false,
  permanent: false,
  fallback: false,
  sessionFeatures: false,
  mailertable: [],
  more: "",
};

/** A configuration and its access map. `folder` is on this machine, the others are paths in Sendmail's root. */
export type Configuration = Readonly<{ folder: string; mc: string; cf: string; access: string; queue: string }>;

/** PEM of the authority that everybody trusts, in Sendmail's root. */
const authorityFile = `${inRoot}/tls/ca.pem`;

/** Stands for the folder until a configuration is put there. */
const somewhere = "/FOLDER";

export class RealSendmail {
  readonly namespace: Namespace;
  /** Further lines of the .mc file. */
  readonly #more: string;
  readonly #cf = new Map<string, string>();
  #count = 0;

  constructor(namespace: Namespace, more = "") {
    this.namespace = namespace;
    this.#more = more;
  }

  /** Writes and compiles both files; what is wrong in the access text makemap leaves out, as it does for everybody. */
  async configure(variant: Variant, access: string): Promise<Configuration> {
    this.#count += 1;
    const folder = path.join(this.namespace.folder, `configuration${this.#count}`);
    mkdirSync(path.join(folder, "queue"), { recursive: true });
    const home = this.namespace.asInRoot(folder);
    const mc = mcText(variant) + this.#more;
    const cf = await this.#compile(mc);
    const write = (name: string, text: string): string => {
      writeFileSync(path.join(folder, name), text.replaceAll(somewhere, home));
      return `${home}/${name}`;
    };
    const files = { mc: write("sendmail.mc", mc), cf: write("sendmail.cf", cf), access: write("access", access) };
    write("mailertable", linesOf(variant.mailertable));
    for (const map of variant.mailertable.length === 0 ? ["access"] : ["access", "mailertable"]) {
      await this.#makeMap(path.join(folder, map));
    }
    return { folder, ...files, queue: `${home}/queue` };
  }

  /** It may complain and leave lines out, as it does for everybody. */
  async #makeMap(file: string): Promise<void> {
    const text = readFileSync(file, "utf8");
    const argv = ["/usr/sbin/makemap", "hash", this.namespace.asInRoot(file)];
    await this.namespace.runIn("sendmail", argv, text);
    assert.ok(existsSync(`${file}.db`));
  }

  /** @returns what each ruleset returned, in the order of the questions. */
  async ask({ cf }: Configuration, questions: readonly Ask[]): Promise<readonly Returned[]> {
    const argv = ["/usr/sbin/sendmail-mta", "-bt", `-C${cf}`];
    const { stdout, stderr } = await this.namespace.runIn("sendmail", argv, questions.map(spoken).join(""));
    const names = new Set(questions.map(({ ruleset }) => ruleset));
    const answers = [...stdout.matchAll(/^(?:> )*(\S+) +returns: (.*)$/gm)].filter(([, name]) => names.has(name ?? ""));
    assert.equal(answers.length, questions.length, `${stdout.slice(-1000)}\n${stderr}`);
    return answers.map(([, , answer = ""]) => readReturned(answer));
  }

  async #compile(mc: string): Promise<string> {
    const known = this.#cf.get(mc);
    if (known !== undefined) return known;
    const m4 = ["m4", "-D_CF_DIR_=/usr/share/sendmail/cf/", "/usr/share/sendmail/cf/m4/cf.m4", "-"];
    const { code, stdout, stderr } = await this.namespace.runIn("sendmail", m4, mc);
    assert.equal(code, 0, stderr);
    this.#cf.set(mc, stdout);
    return stdout;
  }
}

/** A ruleset, its argument, and the macros it is to see. */
export type Ask = Readonly<{ ruleset: string; argument: string; macros: Readonly<Record<string, string>> }>;

/** `$#error`, with all that it says; `$#RELAY`; or anything else: no objection, no permission. */
export type Returned =
  | Readonly<{ kind: "ok" | "relay" }>
  | Readonly<{ kind: "error"; status: string; code: number; text: string }>;

function spoken({ ruleset, argument, macros }: Ask): string {
  const definitions = Object.entries(macros).map(([name, value]) => `.D{${name}}${value}\n`);
  return `${definitions.join("")}${ruleset} ${argument}\n`;
}

function readReturned(answer: string): Returned {
  const error = /^\$# error \$@ (.*?) \$: (.*)$/.exec(answer);
  if (error === null) return { kind: /^\$# RELAY$/i.test(answer) ? "relay" : "ok" };
  const [, status = "", tokens = ""] = error;
  const text = joinTokens(tokens);
  return { kind: "error", status: status.replaceAll(" ", ""), code: Number(text.slice(0, 3)), text: text.slice(4) };
}

/** Tokens as Sendmail joins them for a reply: quotes fall away, two words get a blank between them. */
function joinTokens(tokens: string): string {
  let all = "";
  let afterWord = false;
  for (const [token, quoted] of tokens.matchAll(/"([^"]*)"|\S+/g)) {
    const isWord = quoted === undefined && !/^[.:%@!^/[\]+<>(),;]$/.test(token);
    all += (afterWord && isWord ? " " : "") + (quoted ?? token);
    afterWord = isWord;
  }
  return all;
}

/** As lines of a file. */
export function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** QUEUE_LA: a busy machine is no reason to queue what is to be tried at once. */
function mcText({ skip, lookupDotDomain, permanent, fallback, sessionFeatures, mailertable, more }: Variant): string {
  const options = [...(skip ? ["`skip'"] : []), ...(lookupDotDomain ? ["`lookupdotdomain'"] : [])];
  return `divert(0)dnl
OSTYPE(\`debian')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
${permanent ? "define(`TLS_PERM_ERR', `1')dnl\n" : ""}define(\`confDOMAIN_NAME', \`sendmail.test')dnl
define(\`confCACERT', \`${authorityFile}')dnl
define(\`confCACERT_PATH', \`${path.dirname(authorityFile)}')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confQUEUE_LA', \`100000')dnl
define(\`confREFUSE_LA', \`100000')dnl
define(\`QUEUE_DIR', \`${somewhere}/queue')dnl
${more}${fallback ? "define(`confTLS_FALLBACK_TO_CLEAR', `True')dnl\n" : ""}FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`access_db', \`hash -T<TMPF> ${somewhere}/access'${options.map((option) => `, ${option}`).join("")})dnl
${sessionFeatures ? "FEATURE(`tls_session_features')dnl\n" : ""}${mailertable.length > 0 ? `FEATURE(\`mailertable', \`hash ${somewhere}/mailertable')dnl\n` : ""}MAILER(\`smtp')dnl
`;
}
