import assert from "node:assert/strict";
import { test } from "node:test";
import { findConfiguration } from "./find.ts";

const rows: readonly (readonly [
  name: string,
  option: string | undefined,
  variable: string | undefined,
  systemFile: boolean,
  want: string | undefined,
])[] = [
  ["--config wins", "a.yaml", "b.yaml", true, "a.yaml"],
  ["then the variable", undefined, "b.yaml", true, "b.yaml"],
  ["an empty variable says nothing", undefined, "", true, "/etc/letterlock/letterlock.yaml"],
  ["then the system's file", undefined, undefined, true, "/etc/letterlock/letterlock.yaml"],
  ["then the built-in settings", undefined, undefined, false, undefined],
];

for (const [name, option, variable, systemFile, want] of rows) {
  test(`find the configuration: ${name}`, () => {
    assert.equal(
      findConfiguration(option, { LETTERLOCK_CONFIG: variable }, () => systemFile),
      want,
    );
  });
}
