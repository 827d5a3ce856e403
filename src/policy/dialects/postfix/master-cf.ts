/**
 * master.cf: the services, and which parameters each of them sets for itself (Postfix: CF-12, master(5)). Never throws.
 */
import type { Note } from "../dialect.ts";
import { type Item, splitOutsideBraces, unbrace } from "./braces.ts";
import { byteOrderMark, type LogicalLine, type Place, placeIn, readLogicalLines } from "./logical-lines.ts";
import { splitSetting } from "./main-cf.ts";

type Override = Place & Readonly<{ value: string }>;

/** Why Postfix's program does not start, or starts without what was asked for: mail that needs the service waits. */
export type BrokenService = Place & Readonly<{ text: string; remedy: string }>;

type MasterCfService = Place &
  Readonly<{
    /** `smtp`, `[::1]:465`, a path below the queue directory. */
    name: string;
    type: string;
    /** The program: `smtpd`. */
    command: string;
    /** From `-o name=value`; of two with one name the later one counts. */
    overrides: ReadonlyMap<string, Override>;
    broken: BrokenService | undefined;
  }>;

export type MasterCf = Readonly<{ services: readonly MasterCfService[]; notes: readonly Note[] }>;

const types = new Set(["inet", "unix", "fifo", "pass", "unix-dgram"]);
const blanks = " \t\r\n";
/** Fields before the arguments: name, type, private, unprivileged, chroot, wake-up, limit, command. */
const fieldCount = 8;

export function parseMasterCf(text: string, file: string): MasterCf {
  const services: MasterCfService[] = [];
  const notes: Note[] = [];
  readLogicalLines(text, {
    line: (logical) => readService(logical, file, services, notes),
    byteOrderMark: () => void notes.push({ kind: "warning", file, line: 1, column: 1, ...byteOrderMark }),
    indented(line, physical) {
      const what = `logical line must not start with whitespace: "${physical}"`;
      notes.push({ kind: "warning", file, line, column: 1, text: what, remedy: "remove the white space before it" });
    },
  });
  return { services: withoutDuplicates(services, notes), notes };
}

/** Of two services with one name and type the later one counts. */
function withoutDuplicates(services: readonly MasterCfService[], notes: Note[]): readonly MasterCfService[] {
  const last = new Map(services.map((service) => [`${service.name} ${service.type}`, service]));
  return services.filter((service) => {
    const { name, type, file, line, column } = service;
    const other = last.get(`${name} ${type}`);
    if (other === service || other === undefined) return true;
    const text = `duplicate service name "${name}": the one on line ${other.line} counts`;
    notes.push({ kind: "warning", file, line, column, text, remedy: "remove one of them" });
    return false;
  });
}

/** What is wrong with a line itself stops Postfix; with an option, the service alone. */
function readService(logical: LogicalLine, file: string, services: MasterCfService[], notes: Note[]): void {
  const error = (offset: number, text: string, remedy: string): void => {
    notes.push({ kind: "error", ...placeIn(file, logical, offset), text, remedy });
  };
  const fields = splitOutsideBraces(logical.text, blanks);
  const [name, type] = fields;
  const command = fields[fieldCount - 1];
  if (name === undefined || type === undefined || command === undefined) {
    error(0, `bad entry: "${logical.text.trim()}"`, "write eight fields: name, type, five settings, command");
  } else if (!types.has(type.text)) {
    error(type.offset, `bad transport type: ${type.text}`, `write ${[...types].join(", ")}`);
  } else {
    let broken: BrokenService | undefined;
    const complain = (offset: number, text: string, remedy: string): void => {
      const at = placeIn(file, logical, offset);
      const doing = `service "${name.text}" does not start, and its mail waits`;
      notes.push({ kind: "warning", ...at, text: `${text}: ${doing}`, remedy });
      broken ??= { ...at, text, remedy };
    };
    const words = fields.slice(fieldCount).map((field) => withoutBraces(field, complain));
    const { overrides, rest } = readOverrides(words, (offset) => placeIn(file, logical, offset), complain);
    complainAboutRest(command.text, rest, complain);
    const { text } = command;
    services.push({ name: name.text, type: type.text, command: text, overrides, broken, ...placeIn(file, logical, 0) });
  }
}

/**
 * Words that stand where no word belongs: smtpd stops at them; smtp passes over them, and over every option behind them,
 * which nobody means who wrote one.
 */
function complainAboutRest(command: string, rest: readonly Item[], complain: Complain): void {
  const [first] = rest;
  if (first === undefined || (command !== "smtpd" && command !== "smtp")) return;
  if (command === "smtp" && !rest.some(({ text }) => text.includes("=") || /^[-\u2010-\u2015]/.test(text))) return;
  const text = `unexpected command-line argument: ${first.text}`;
  complain(first.offset, text, "comments stand on lines of their own, options before all other words");
}

type Complain = (offset: number, text: string, remedy: string) => void;

function withoutBraces(field: Item, error: Complain): Item {
  if (!field.text.startsWith("{")) return field;
  const inside = unbrace(field.text);
  if (inside.kind === "text") return { text: inside.text, offset: field.offset + field.text.indexOf(inside.text) };
  error(field.offset, inside.problem, "balance the braces");
  return field;
}

/** Options end at the first word without a dash, or at `--`. An `o` anywhere in a group of letters takes the rest. */
function readOverrides(
  words: readonly Item[],
  placeAt: (offset: number) => Place,
  error: Complain,
): Readonly<{ overrides: ReadonlyMap<string, Override>; rest: readonly Item[] }> {
  const overrides = new Map<string, Override>();
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at];
    if (word === undefined || !word.text.startsWith("-") || word.text === "--" || word.text === "-") break;
    const letter = word.text.search(valued);
    if (letter < 0) continue;
    const attached = word.text.slice(letter + 1);
    if (attached === "") at += 1;
    const value = attached === "" ? words[at] : { text: attached, offset: word.offset + letter + 1 };
    if (word.text[letter] !== "o") continue;
    const setting = splitSetting(value?.text ?? "");
    if (typeof setting === "string") error((value ?? word).offset, setting, 'write "-o name=value"');
    else overrides.set(setting.name, { value: setting.value, ...placeAt((value ?? word).offset) });
  }
  return { overrides, rest: words.slice(words[at]?.text === "--" ? at + 1 : at) };
}

/** Letters that take a value in Postfix's programs. */
const valued = /[imnorst]/;
