/**
 * `--postfix DIR` and its like: a configuration of another mail server where nothing else is written.
 */
import path from "node:path";
import type { DialectSource, System } from "../policy/dialects/registry.ts";

/**
 * `path` is absolute: a folder, or a file where the system has one file. `beside`: its listeners are not opened, because
 * that system has them.
 */
export type PolicyFlag = Readonly<{ system: System; path: string; beside?: true }>;

/** @returns the source, or in words what was looked for and is not there */
export function sourceOfFlag(
  { system, path: where }: PolicyFlag,
  isThere: (file: string) => boolean,
): DialectSource | string {
  const inside = (name: string): string => path.join(where, name);
  switch (system) {
    case "postfix": {
      const main = [inside("main.cf"), where].find((file) => path.basename(file) === "main.cf" && isThere(file));
      return main === undefined ? `there is no file ${inside("main.cf")}` : { system, options: { main } };
    }
    case "sendmail": {
      const options = Object.fromEntries(
        Object.entries({ access: "access", mc: "sendmail.mc", cf: "sendmail.cf" })
          .map(([key, name]) => [key, inside(name)] as const)
          .filter(([, file]) => isThere(file)),
      );
      const none = `there is no file access, sendmail.mc or sendmail.cf in ${where}`;
      return Object.keys(options).length === 0 ? none : { system, options };
    }
    case "momentum":
    case "powermta":
      return isThere(where) ? { system, options: { file: where } } : `there is no file ${where}`;
  }
}
