/**
 * `--postfix DIR` and its like, for the commands that read a configuration: what another mail server runs by, as it is.
 */
import path from "node:path";
import { type Command, Option } from "commander";
import type { PolicyFlag } from "../config/policy-flag.ts";
import { type System, systems } from "../policy/dialects/registry.ts";

export type PolicyOptions = Readonly<Partial<Record<System, string>> & { beside?: boolean }>;

const places: Readonly<Record<System, readonly [place: string, sentence: string]>> = {
  postfix: ["folder", "take the policy of a Postfix: the folder of its main.cf"],
  sendmail: ["folder", "take the policy of a Sendmail: the folder of access, sendmail.mc and sendmail.cf"],
  momentum: ["file", "take the policy of a Momentum: its ecelerity.conf"],
  powermta: ["file", "take the policy of a PowerMTA: its configuration"],
};

export function withPolicy(command: Command): Command {
  for (const system of systems) {
    const [place, sentence] = places[system];
    const others = systems.filter((other) => other !== system);
    command.addOption(new Option(`--${system} <${place}>`, sentence).conflicts(others));
  }
  return command;
}

export function policyFlag(options: PolicyOptions): PolicyFlag | undefined {
  for (const system of systems) {
    const place = options[system];
    if (place === undefined) continue;
    return { system, path: path.resolve(place), ...(options.beside === true ? { beside: true as const } : {}) };
  }
  return undefined;
}
