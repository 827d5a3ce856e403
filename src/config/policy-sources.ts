/**
 * `policy:` and what a command line gives in its place: which sources say how mail is encrypted, in which order. The
 * configurations of other mail servers are compiled here, once; what their lines mean is the business of
 * `../policy/dialects`.
 */
import type { Compiled, Note } from "../policy/dialects/dialect.ts";
import type { CompileDialect, DialectSource, System } from "../policy/dialects/registry.ts";
import type { Loading } from "./loading.ts";
import { type PolicyFlag, sourceOfFlag } from "./policy-flag.ts";
import type { Place } from "./problem.ts";
import type { Section, Values } from "./section-types.ts";
import type { Dialect } from "./settings.ts";
import { fileTable, type policySourceTable } from "./table.ts";
import type { Located } from "./value-types.ts";

/** What was read of one source, for `letterlock check`: of every line what becomes of it. */
export type ReadSource = Readonly<{ system: System; file: string; notes: readonly Note[] }>;

/** Our own rules have exactly one place in the order. */
export type PolicyOrder = readonly ("letterlock" | Dialect)[];

export type PolicySources = Readonly<{ order: PolicyOrder; read: readonly ReadSource[] }>;

type WrittenSource = Readonly<{ source: DialectSource; logs: Dialect["logs"] }>;
type Written = Located<"letterlock" | WrittenSource>;

/** Reports what is wrong with the list; what is wrong inside a source stands in its notes. */
export function readPolicySources(
  values: Values<typeof fileTable>,
  flag: PolicyFlag | undefined,
  compile: CompileDialect,
  loading: Loading,
): PolicySources {
  const written = flag === undefined ? writtenSources(values, loading) : flaggedSource(values, flag, loading);
  const read: ReadSource[] = [];
  let first: Dialect | undefined;
  const order = written.map(({ value, at }) => {
    if (value === "letterlock") return value;
    const { dialect, notes } = compileOne(value, compile, loading);
    read.push({ system: dialect.system, file: dialect.file, notes });
    if (first !== undefined) warnOfShadow(dialect, at, first, loading);
    first ??= dialect;
    return dialect;
  });
  return { order: order.includes("letterlock") ? order : ["letterlock", ...order], read };
}

function compileOne(
  { source, logs }: WrittenSource,
  compile: CompileDialect,
  loading: Loading,
): Readonly<{ dialect: Dialect; notes: Compiled["notes"] }> {
  const files = new Set<string>();
  const { notes, ...compiled } = compile(
    source,
    loading.filesFor((file) => files.add(file)),
  );
  const { system } = source;
  return { dialect: { system, file: firstFile(source), files: [...files], logs, compiled }, notes };
}

/** Demands of the later one still come on top; one expects a Sendmail there for them. */
function warnOfShadow(later: Dialect, at: Place, first: Dialect, loading: Loading): void {
  if (later.system === "sendmail") return;
  const message = `the policy of ${nameOf(later)} for outgoing mail is never asked: ${nameOf(first)} before it answers for all of it`;
  loading.problems.warning(at, message, "leave it out, unless its listeners, bindings or routes are wanted");
}

/** `postfix /etc/postfix/main.cf` */
export function nameOf({ system, file }: Pick<Dialect, "system" | "file">): string {
  return `${system} ${file}`;
}

function firstFile(source: DialectSource): string {
  if (source.system === "postfix") return source.options.main;
  if (source.system !== "sendmail") return source.options.file;
  return source.options.access ?? source.options.mc ?? source.options.cf ?? "";
}

function writtenSources({ policy }: Values<typeof fileTable>, loading: Loading): readonly Written[] {
  const sources = policy.value.flatMap(({ value, at }): Written[] => {
    if (value === "letterlock") return [{ value, at }];
    const source = sourceOf(value, loading);
    return source === undefined ? [] : [{ value: { source, logs: logsOf(value) }, at }];
  });
  const second = sources.filter(({ value }) => value === "letterlock")[1];
  if (second !== undefined) {
    loading.problems.error(second.at, "letterlock stands here for the second time", "leave one of the two");
  }
  return sources;
}

/** `undefined` where a part is missing: the table or this has said so. */
function sourceOf({ values, at }: Section<typeof policySourceTable>, loading: Loading): DialectSource | undefined {
  const { postfix, sendmail, momentum, powermta } = values;
  const fileOf = (file: Located<string> | undefined): string | undefined => file && loading.resolve(file.value);
  if (postfix !== undefined) {
    const [main, master] = [fileOf(postfix.value.values.main), fileOf(postfix.value.values.master)];
    const defines = Object.fromEntries(postfix.value.values.defines.value.map(({ key, value }) => [key, value]));
    return main === undefined ? undefined : { system: "postfix", options: { main, ...given({ master }), defines } };
  }
  if (momentum !== undefined) {
    const file = fileOf(momentum.value.values.file);
    const searchPath = momentum.value.values["search-path"]?.value.map(({ value }) => loading.resolve(value));
    return file === undefined ? undefined : { system: "momentum", options: { file, ...given({ searchPath }) } };
  }
  if (powermta !== undefined) {
    const file = fileOf(powermta.value.values.file);
    return file === undefined ? undefined : { system: "powermta", options: { file } };
  }
  if (sendmail === undefined) return undefined;
  const { access, mc, cf, version } = sendmail.value.values;
  const files = given({ access: fileOf(access), mc: fileOf(mc), cf: fileOf(cf) });
  if (Object.keys(files).length === 0) {
    loading.problems.error(at, "no file of Sendmail is named", "write access:, mc: or cf: with its path");
    return undefined;
  }
  return { system: "sendmail", options: { ...files, ...given({ version: version?.value }) } };
}

function logsOf({ values }: Section<typeof policySourceTable>): Dialect["logs"] {
  const said = values.momentum?.value.values.logs ?? values.powermta?.value.values.logs;
  if (said === undefined) return "unsaid";
  return said.value ? "on" : "off";
}

/** A flag stands for `policy:` with that source alone, so that it is clear what counts. */
function flaggedSource({ policy }: Values<typeof fileTable>, flag: PolicyFlag, loading: Loading): readonly Written[] {
  const { at } = policy;
  if (policy.value !== fileTable.policy.standard()) {
    const message = `policy: is written here, and --${flag.system} is given`;
    loading.problems.error(at, message, `leave one of the two: policy: may name the ${flag.system} configuration too`);
    return [];
  }
  const source = sourceOfFlag(flag, (file) => loading.isThere(file));
  const logs = flag.beside === true ? "beside" : "unsaid";
  if (typeof source !== "string") return [{ value: { source, logs }, at }];
  const remedy = "check the path, and that this user may read it";
  loading.problems.error(at, `--${flag.system} ${flag.path}: ${source}`, remedy);
  return [];
}

/** Only what is there. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
