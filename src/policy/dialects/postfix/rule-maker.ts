/**
 * The rules of one service: made for its policy values, examined for `check` without being made for each line of a table.
 */
import type { Origin, TlsLevel, TlsRule } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import type { View } from "./configuration.ts";
import { parseTableMatch } from "./match-names.ts";
import type { PolicyValue } from "./policy-value.ts";
import { Engine } from "./tls-engine.ts";
import {
  configurationProblem,
  type MadeRule,
  makeRule,
  matchesNames,
  nameProblems,
  type PolicyProblem,
  refusing,
} from "./tls-rule.ts";

export type RuleMaker = Readonly<{
  /** @param from of the policy line, or of the parameter that gave the level. */
  make(value: PolicyValue, from: Origin): MadeRule;
  /** What `make` would say about it: for whole tables, of which most lines are never asked for. */
  examine(value: PolicyValue): readonly PolicyProblem[];
  /** Postfix's answer to a policy that it cannot use: nothing is sent, the global level does not count. */
  refuse(from: Origin, level?: TlsLevel): TlsRule;
}>;

const nowhere: Origin = { source: "postfix", file: undefined, line: undefined, column: undefined, scope: "" };
const maxShapes = 10_000;

export function createRuleMaker(view: View, files: SourceFiles): RuleMaker {
  const engine = new Engine(view, files);
  const make = (value: PolicyValue, from: Origin): MadeRule => makeRule(view, engine, value, from);
  const examined = new Map<string, readonly PolicyProblem[]>();
  const examineShape = (value: PolicyValue): readonly PolicyProblem[] => {
    const shape = shapeOf(value);
    const problems = examined.get(shape) ?? make(value, nowhere).problems;
    if (examined.size < maxShapes) examined.set(shape, problems);
    return problems;
  };
  return {
    make,
    examine(value) {
      if (value.match.length === 0 || !matchesNames(value.level)) return examineShape(value);
      const names = parseTableMatch(value.match);
      return [...examineShape({ ...value, match: ["hostname"] }), ...nameProblems(names)];
    },
    refuse: (from, level = "secure") => refusing({ value: level, from }, from, configurationProblem),
  };
}

/** Equal for values of which the same is to be said, match names of verify and secure apart. */
function shapeOf({ level, match, protocols, ciphers, exclude, servername, tafiles, builtIn }: PolicyValue): string {
  const lists = tafiles.length + match.length === 0 ? "" : JSON.stringify([tafiles, match]);
  return `${level}|${protocols ?? "-"}|${ciphers ?? "-"}|${exclude ?? "-"}|${servername ?? "-"}|${builtIn.failure ?? "-"}|${lists}`;
}
