import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import type { ReadStream } from "node:tty";
import { askPassword, readPasswordFromStdin } from "./ask-password.ts";

/** A terminal at which each prompt is answered by the next text; says whether it echoed meanwhile. */
function terminalFor(t: TestContext, answers: readonly string[]): { terminal: ReadStream; echoed: string[] } {
  const stream = new PassThrough();
  const echoed: string[] = [];
  let isRaw = false;
  const left = [...answers];
  const terminal = Object.assign(stream, {
    isTTY: true,
    setRawMode: (mode: boolean) => {
      isRaw = mode;
      return stream;
    },
  }) as unknown as ReadStream;
  t.mock.method(process.stderr, "write", (text: string) => {
    if (text === "\n") return true;
    setImmediate(() => {
      if (!isRaw) echoed.push(text);
      stream.write(left.shift() ?? "\x03");
    });
    return true;
  });
  return { terminal, echoed };
}

const rows: readonly (readonly [
  name: string,
  answers: readonly string[],
  want: Awaited<ReturnType<typeof askPassword>>,
])[] = [
  ["the same twice", ["correct horse\r", "correct horse\r"], { password: "correct horse" }],
  ["another the second time", ["correct horse\r", "correct house\r"], { trouble: "the two are not the same" }],
  ["a key taken back", ["abcdX\x7fe\r", "abcde\n"], { password: "abcde" }],
  ["a line taken back", ["abc\x15xyz\r", "xyz\r"], { password: "xyz" }],
  ["UTF-8", ["p\u00e4ss\u{1f600}w\x7f\x7f\r", "p\u00e4ss\r"], { password: "p\u00e4ss" }],
  ["Ctrl-C", ["abc\x03"], { trouble: "no password was given" }],
  ["Ctrl-C the second time", ["abc\r", "\x03"], { trouble: "no password was given" }],
  ["Ctrl-D", ["\x04"], { trouble: "no password was given" }],
];

for (const [name, answers, want] of rows) {
  test(`password at the terminal, without echo: ${name}`, async (t) => {
    const { terminal, echoed } = terminalFor(t, answers);
    assert.deepEqual(await askPassword(terminal), want);
    assert.deepEqual(echoed, []);
  });
}

test("without a terminal nothing is asked", async () => {
  const asked = await askPassword(new PassThrough() as unknown as ReadStream);
  assert.ok("trouble" in asked);
  assert.match(asked.trouble, /--password-stdin/);
});

const inputs: readonly (readonly [text: string, want: RegExp])[] = [
  ["secret\n", /^secret$/],
  ["secret\r\n", /^secret$/],
  ["secret", /^secret$/],
  ["two words ", /^two words $/],
  ["one\ntwo\n", /more than one line/],
  ["x".repeat(5000), /more than a password/],
];

for (const [text, want] of inputs) {
  test(`password from standard input: ${JSON.stringify(text.slice(0, 20))}`, async () => {
    const asked = await readPasswordFromStdin(PassThrough.from([Buffer.from(text)]));
    assert.match("trouble" in asked ? asked.trouble : asked.password, want);
  });
}
