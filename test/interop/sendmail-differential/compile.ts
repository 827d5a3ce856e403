/**
 * Letterlock reads what Sendmail reads: the same access text, and the .mc or .cf file that it runs with.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Compiled, SourceFiles } from "../../../src/policy/dialects/dialect.ts";
import { compileSendmail } from "../../../src/policy/dialects/sendmail/compile.ts";
import { inRoot } from "../lab/namespace.ts";
import type { Configuration } from "./real-sendmail.ts";

/**
 * @param folder of the namespace, which Sendmail's root has at `/mnt`
 */
export function compileAs(from: "mc" | "cf", { access, mc, cf }: Configuration, folder: string): Compiled {
  return compileSendmail({ access, ...(from === "mc" ? { mc } : { cf }), version: "8.18" }, filesIn(folder));
}

function filesIn(folder: string): SourceFiles {
  const here = (path: string): string => (path.startsWith(`${inRoot}/`) ? folder + path.slice(inRoot.length) : path);
  return {
    read: (path) => {
      try {
        return { kind: "found", text: readFileSync(here(path), "utf8") };
      } catch (error) {
        return { kind: "failed", reason: String(error) };
      }
    },
    list: (path) => (existsSync(here(path)) ? readdirSync(here(path)).toSorted() : undefined),
    modifiedAt: () => undefined,
  };
}
