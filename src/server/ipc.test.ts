import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, Caller, isRequest, isResponse, type Request } from "./ipc.ts";

const methods = {
  double: (params: unknown) => Number(params) * 2,
  nothing: () => undefined,
  fail: () => Promise.reject(new Error("broken")),
  odd: () => Promise.reject("a word"),
};

const rows: readonly [method: string, want: object][] = [
  ["double", { id: 7, ok: true, value: 42 }],
  ["nothing", { id: 7, ok: true, value: null }],
  ["fail", { id: 7, ok: false, error: "broken" }],
  ["odd", { id: 7, ok: false, error: "a word" }],
  ["none", { id: 7, ok: false, error: "no such method: none" }],
  ["toString", { id: 7, ok: false, error: "no such method: toString" }],
];
for (const [method, want] of rows) {
  test(`answer: ${method}`, async () => assert.deepEqual(await answer({ id: 7, method, params: 21 }, methods), want));
}

test("Caller: answers find their calls in any order; a broken channel fails what is open", async () => {
  const sent: Request[] = [];
  const caller = new Caller((request) => sent.push(request));
  const calls = [caller.call("a"), caller.call("b", 1), caller.call("c")];
  const [a, b] = sent;
  assert.ok(a && b);
  caller.receive({ id: b.id, ok: true, value: "B" });
  caller.receive({ id: a.id, ok: false, error: "no" });
  caller.receive({ id: 99, ok: true, value: "to nobody" });
  caller.breakOff("gone");
  const settled = await Promise.allSettled(calls);
  assert.deepEqual(
    settled.map((one) => (one.status === "fulfilled" ? one.value : one.reason.message)),
    ["no", "B", "gone"],
  );
});

test("Caller: what cannot be sent is rejected", async () => {
  const caller = new Caller(() => {
    throw new Error("closed");
  });
  await assert.rejects(caller.call("a"), /closed/);
});

test("isRequest, isResponse: only what they say", () => {
  const values = [
    null,
    1,
    "x",
    {},
    { id: 1 },
    { method: "a" },
    { id: 1, method: 2 },
    { id: 1, method: "a" },
    { id: 1, ok: true },
  ];
  assert.deepEqual(values.map(isRequest).filter(Boolean).length, 1);
  assert.deepEqual(values.map(isResponse).filter(Boolean).length, 1);
});
