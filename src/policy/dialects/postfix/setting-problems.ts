/**
 * What is wrong with the values that a configuration sets itself. `fatal`: Postfix's program stops at it, or nobody can
 * tell what was meant; whoever reads such a value refuses.
 */
import type { Origin } from "../../rules.ts";
import { assumedNames, type Setting, type View } from "./configuration.ts";
import { machineNames } from "./known-parameters.ts";
import { optionTable, parameterEntry } from "./parameters.ts";

export type SettingProblem = Readonly<{ from: Origin; text: string; remedy: string; fatal: boolean }>;

const yesNo = new Set(optionTable.filter(({ values }) => values === "yes, no").map(({ name }) => name));

/** Of every value that a view sets itself and that counts here. */
export function examineSettings(view: View): readonly SettingProblem[] {
  return [...view.written].flatMap((name) => {
    return parameterEntry(name)?.status === "applied" ? examineSetting(view.setting(name)) : [];
  });
}

export function examineSetting(setting: Setting): readonly SettingProblem[] {
  const { name, value, from, problem } = setting;
  if (problem !== undefined) return [{ from, text: `${name}: ${problem}`, remedy: "correct the value", fatal: true }];
  const wrong = wrongValue(name, value);
  return [
    ...namesOfOthers(setting),
    ...(wrong === undefined ? [] : [{ from, ...wrong, fatal: true }]),
    ...(name === "smtp_tls_security_level" && value === "" ? [noTlsAtAll(from)] : []),
  ];
}

function namesOfOthers({ name, from, missing }: Setting): readonly SettingProblem[] {
  return [...new Set(missing)].map((word) => {
    const assumed = assumedNames.get(word);
    const machine = assumed !== undefined || machineNames.has(word) || word === "mydomain";
    const text = machine ? "which Postfix takes from the machine" : "which nothing defines";
    const taken = assumed === undefined ? "" : `; ${assumed} is assumed here`;
    const remedy = `give ${word} under "defines"`;
    return { from, text: `${name} uses $${word}, ${text}${taken}`, remedy, fatal: !machine };
  });
}

function wrongValue(name: string, value: string): Readonly<{ text: string; remedy: string }> | undefined {
  if (yesNo.has(name) && !/^(?:yes|no)$/i.test(value)) {
    return { text: `bad boolean configuration: ${name} = ${value}`, remedy: "write yes or no" };
  }
  if (name === "minimal_backoff_time" && !/^\d{1,9}[smhdw]?$/.test(value)) {
    return { text: `bad time: ${name} = ${value}`, remedy: "write a number and s, m, h, d or w" };
  }
  if (name === "compatibility_level" && !isCompatibilityLevel(value)) {
    return { text: `malformed compatibility level syntax: "${value}"`, remedy: "write a level such as 3.6" };
  }
  return undefined;
}

/** Up to three numbers with dots, as far as Postfix can count. */
function isCompatibilityLevel(text: string): boolean {
  if (!/^\d{1,7}(?:\.\d{1,7}){0,2}$/.test(text)) return false;
  const [first = 0, ...others] = text.split(".").map(Number);
  return first <= 2047 && others.every((number) => number <= 1023);
}

function noTlsAtAll(from: Origin): SettingProblem {
  const remedy = 'write "none" if that is meant, or the level that is';
  return { from, text: "smtp_tls_security_level is empty: no TLS at all", remedy, fatal: false };
}
