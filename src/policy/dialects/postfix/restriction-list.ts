/**
 * Restriction lists read into steps: `smtpd_client_restrictions` and its like, restriction classes, and the values of
 * access tables (Postfix: access(5), postconf(5) on `smtpd_recipient_restrictions`; INB-16 to INB-19, INB-24, INB-26).
 */
import type { Origin } from "../../rules.ts";
import { splitOutsideBraces, unbrace } from "./braces.ts";
import type { Setting, View } from "./configuration.ts";
import type { InboundProblem } from "./inbound-problem.ts";
import type { LookupTable } from "./lookup-table.ts";
import {
  type Answer,
  answer,
  type CertificateHolders,
  configurationError,
  refusedThings,
  type Stage,
  type Step,
} from "./restriction-step.ts";
import { otherWord, takesArgument } from "./restriction-words.ts";

/** What a reader of lists is handed. */
export type RestrictionContext = Readonly<{
  view: View;
  openTable: (spec: string, setting: Setting) => LookupTable;
  /** Of `relay_clientcerts`; undefined: no client is asked for a certificate. */
  listedHolders: () => CertificateHolders | undefined;
  /** Of an access table: whose certificates it lets in. */
  holdersOf: (table: LookupTable, from: Origin) => CertificateHolders;
  complain: (problem: InboundProblem) => void;
}>;

/** Classes may name classes. */
const maxDepth = 10;

export class RestrictionReader {
  readonly #context: RestrictionContext;
  readonly #classes: ReadonlySet<string>;
  readonly #told = new Set<string>();
  readonly #values = new Map<string, readonly Step[]>();

  constructor(context: RestrictionContext) {
    this.#context = context;
    this.#classes = new Set(context.view.list("smtpd_restriction_classes"));
  }

  /** @param name `smtpd_relay_restrictions` or the like */
  read(name: string, stage: Stage): readonly Step[] {
    const setting = this.#context.view.setting(name);
    return this.#list(setting.value, { setting, from: setting.from, stage, depth: 0 });
  }

  /** What an access table answers, where it answers with restrictions. Kept, since each message may ask. */
  readValue(value: string, setting: Setting, from: Origin, stage: Stage): readonly Step[] {
    const key = `${stage} ${from.file}:${from.line} ${value}`;
    const steps = this.#values.get(key) ?? this.#list(value, { setting, from, stage, depth: 1 });
    this.#values.set(key, steps);
    return steps;
  }

  #list(text: string, place: Place): readonly Step[] {
    const words = splitOutsideBraces(text).map((item) => item.text);
    const steps: Step[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const word = words[at] ?? "";
      const given = takesArgument(word.toLowerCase());
      const step = this.#word(word, given ? words[at + 1] : undefined, place);
      if (given) at += 1;
      if (word.toLowerCase() === "warn_if_reject") {
        // What comes next only warns.
        at += takesArgument((words[at + 1] ?? "").toLowerCase()) ? 2 : 1;
      }
      steps.push(...step);
    }
    return steps;
  }

  #word(written: string, argument: string | undefined, place: Place): readonly Step[] {
    const word = written.toLowerCase();
    if (written.startsWith("{")) {
      const inside = unbrace(written);
      return inside.kind === "text" ? this.#list(inside.text, place) : [this.#unknown(written, place)];
    }
    if (this.#classes.has(written)) return this.#class(written, place);
    const simple = this.#simple(word, place);
    if (simple !== undefined) return simple === "nothing" ? [] : [simple];
    if (/^check_\w+$/.test(word)) return this.#check(word, argument ?? "", place);
    // The oldest form: a table alone asks for what the list is about.
    if (/^[a-z]+:./i.test(written)) return this.#check(`check_${place.stage}_access`, written, place);
    return [this.#other(written, argument, place)].flat();
  }

  #class(name: string, place: Place): readonly Step[] {
    if (place.depth >= maxDepth) return [this.#unknown(name, place)];
    const setting = this.#context.view.setting(name);
    return this.#list(setting.value, { ...place, setting, from: setting.from, depth: place.depth + 1 });
  }

  /** Words that need no argument and are done here. */
  #simple(word: string, place: Place): Step | "nothing" | undefined {
    const base = { from: place.from, written: word };
    const refused = refusedThings[place.stage];
    switch (word) {
      case "permit":
        return { ...base, kind: "permit" };
      case "reject":
        return {
          ...base,
          kind: "reject",
          answer: this.#answer("reject_code", "7.1", `${refused} rejected: Access denied`),
        };
      case "defer":
      case "defer_if_permit":
        return {
          ...base,
          kind: "reject",
          answer: this.#answer("defer_code", "3.2", `${refused} rejected: Try again later`),
        };
      case "reject_plaintext_session":
        return {
          ...base,
          kind: "need-tls",
          answer: this.#answer("plaintext_reject_code", "7.1", "Session encryption is required"),
        };
      case "permit_mynetworks":
        return { ...base, kind: "permit-where", who: "networks" };
      case "permit_sasl_authenticated":
        return { ...base, kind: "permit-where", who: "users" };
      case "permit_inet_interfaces":
        return { ...base, kind: "permit-where", who: "ourselves" };
      case "permit_auth_destination":
        return { ...base, kind: "permit-where", who: "own-domains" };
      case "reject_unauth_destination":
      case "defer_unauth_destination":
        return { ...base, kind: "reject-foreign" };
      case "permit_tls_clientcerts":
      case "permit_tls_all_clientcerts":
        return this.#byCertificate(word, place);
      case "warn_if_reject":
        return "nothing";
      default:
        return undefined;
    }
  }

  /** INB-16, INB-17, INB-19 */
  #byCertificate(word: string, { from }: Place): Step | "nothing" {
    const listed = this.#context.listedHolders();
    if (listed === undefined) {
      const text = `${word} is requested, but "smtpd_tls_ask_ccert = no"`;
      this.#complain(from, text, "set smtpd_tls_ask_ccert = yes", "warning");
      return "nothing";
    }
    const holders = word === "permit_tls_clientcerts" ? listed : "trusted";
    return { from, written: word, kind: "permit-certificate", holders };
  }

  #check(word: string, argument: string, place: Place): readonly Step[] {
    const { from, setting } = place;
    const [, of] = /^check_(client|sender|recipient|helo|ccert|relay|data|end_of_data)_access$/.exec(word) ?? [];
    const written = `${word} ${argument}`;
    if (word === "check_policy_service" || of === "helo") return [this.#notAsked(written, place)];
    if (of === undefined) return [this.#other(word, argument, place)].flat();
    const spec = tableOf(argument);
    if (spec === undefined) return [this.#unknown(written, place)];
    const table = this.#context.openTable(spec, setting);
    if (of === "ccert") {
      if (this.#context.listedHolders() === undefined) return [];
      const holders = this.#context.holdersOf(table, from);
      return [{ from, written, kind: "permit-certificate", holders }];
    }
    const about = of === "client" || of === "sender" ? of : "recipient";
    return [{ from, written, kind: "access", of: about, table }];
  }

  #other(word: string, argument: string | undefined, place: Place): Step | [] {
    const written = argument === undefined ? word : `${word} ${argument}`;
    const kind = otherWord(word.toLowerCase());
    if (kind === undefined) return this.#unknown(written, place);
    if (kind === "nothing") return [];
    const why =
      kind === "login" ? "who may write as whom is said by the senders of each user" : "no such check is made here";
    this.#complain(place.from, `${place.setting.name}: ${written}: ${why}`, "", "differs");
    return kind === "login" ? { from: place.from, written, kind: "may-refuse" } : [];
  }

  /** A policy service may refuse whom it likes: nobody relays because of what stands behind it. */
  #notAsked(written: string, { from, setting }: Place): Step {
    const text = `${setting.name}: ${written} is not asked here: what stands behind it lets nobody relay`;
    this.#complain(from, text, "name who may relay under relay-networks, or put his permit_ word before it", "differs");
    return { from, written, kind: "may-refuse" };
  }

  #unknown(written: string, { from, setting }: Place): Step {
    const text = `${setting.name}: unknown smtpd restriction: "${written}": whoever comes to it is refused`;
    this.#complain(from, text, "correct the word", "warning");
    return { from, written, kind: "reject", answer: configurationError };
  }

  #answer(parameter: string, detail: `${number}.${number}`, text: string): Answer {
    const { value } = this.#context.view.setting(parameter);
    return answer(/^[45]\d\d$/.test(value) ? Number(value) : 451, detail, text);
  }

  #complain(from: Origin, text: string, remedy: string, kind: "warning" | "differs"): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#context.complain({ from, text, remedy, kind, refuses: false, fatal: false });
  }
}

/** Where a list or a value stands. */
type Place = Readonly<{ setting: Setting; from: Origin; stage: Stage; depth: number }>;

/** `type:name`, or `{ type:name, { search_order = ... } }` (Postfix 3.5). */
function tableOf(argument: string): string | undefined {
  const inside = argument.startsWith("{") ? unbrace(argument) : undefined;
  const spec = inside?.kind === "text" ? splitOutsideBraces(inside.text)[0]?.text : argument;
  return spec !== undefined && /^[a-z]+:./i.test(spec) ? spec : undefined;
}
