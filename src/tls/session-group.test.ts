import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { groupOfSession } from "./session-group.ts";

/** A sequence of an integer and field [19] holding `number`. */
function session(...number: readonly number[]): Uint8Array {
  const field = [0xb3, number.length + 2, 2, number.length, ...number];
  return Uint8Array.of(0x30, field.length + 3, 2, 1, 1, ...field);
}

test("TL-19: the group's name by its number in a session", () => {
  assert.equal(groupOfSession(session(0x1d)), "X25519");
  assert.equal(groupOfSession(session(0x11, 0xec)), "X25519MLKEM768");
});

test("an unknown number, no session, no field: no name", () => {
  assert.equal(groupOfSession(session(0x7f, 0xff)), undefined);
  assert.equal(groupOfSession(undefined), undefined);
  assert.equal(groupOfSession(Uint8Array.of(0x30, 3, 2, 1, 1)), undefined);
});

test("any octets are a value", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void groupOfSession(bytes)));
});
