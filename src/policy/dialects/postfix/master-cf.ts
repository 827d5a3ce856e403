/**
 * master.cf: the services, and which parameters each of them sets for itself (Postfix: CF-12, master(5)). Never throws.
 */
import type { Note } from "../dialect.ts";
import { type Item, splitOutsideBraces, unbrace } from "./braces.ts";
import { type LogicalLine, type Place, placeIn, readLogicalLines } from "./logical-lines.ts";
import { splitSetting } from "./main-cf.ts";

type Override = Place & Readonly<{ value: string }>;

type MasterCfService = Place &
  Readonly<{
    /** `smtp`, `[::1]:465`, a path below the queue directory. */
    name: string;
    type: string;
    /** The program: `smtpd`. */
    command: string;
    /** From `-o name=value`; of two with one name the later one counts. */
    overrides: ReadonlyMap<string, Override>;
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
    indented(line, physical) {
      const what = `logical line must not start with whitespace: "${physical}"`;
      notes.push({ kind: "warning", file, line, column: 1, text: what, remedy: "remove the white space before it" });
    },
  });
  return { services, notes };
}

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
    const words = fields.slice(fieldCount).map((field) => withoutBraces(field, error));
    services.push({
      name: name.text,
      type: type.text,
      command: command.text,
      overrides: readOverrides(words, (offset) => placeIn(file, logical, offset), error),
      ...placeIn(file, logical, 0),
    });
  }
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
): ReadonlyMap<string, Override> {
  const overrides = new Map<string, Override>();
  for (let at = 0; at < words.length; at += 1) {
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
  return overrides;
}

/** Letters that take a value in Postfix's programs. */
const valued = /[imnost]/;
