/**
 * The control socket under any lines at all: each is answered or ends the connection, and the next caller is served.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { connectControl, serveControl } from "../../src/server/control-socket.ts";

const request = fc.record({
  id: fc.jsonValue(),
  method: fc.constantFrom("echo", "fail", "__proto__", "x"),
  params: fc.jsonValue(),
});
const line = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.json(),
  request.map((value) => JSON.stringify(value)),
);

test("control socket: a caller that goes away before the answer takes nobody with him", {
  timeout: 20_000,
}, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-control-"));
  using resources = new DisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "control.sock");
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<string>();
  const large = "x".repeat(1_000_000);
  const methods = {
    list: async () => {
      asked.resolve();
      return await gone.promise;
    },
    echo: (params: unknown) => params,
  };
  await using _server = await serveControl(file, methods);
  const socket = net.connect(file);
  socket.write(`${JSON.stringify({ id: 1, method: "list" })}\n`.repeat(20));
  await asked.promise;
  socket.destroy();
  await once(socket, "close");
  gone.resolve(large);
  using client = await connectControl(file);
  assert.equal(await client?.call("echo", 1), 1);
});

test("control socket: any lines", { timeout: 20_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-control-"));
  using resources = new DisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "control.sock");
  const methods = {
    echo: (params: unknown) => params,
    fail: () => {
      throw new Error("no");
    },
  };
  await using _server = await serveControl(file, methods);
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
      const socket = net.connect(file).setEncoding("utf8");
      socket.on("error", () => undefined);
      let heard = "";
      socket.on("data", (text: string) => {
        heard += text;
      });
      socket.end(`${lines.join("\n")}\n`);
      await once(socket, "close");
      for (const answer of heard.split("\n").slice(0, -1)) assert.equal(typeof JSON.parse(answer).ok, "boolean");
    }),
    { numRuns: 300 },
  );
  using client = await connectControl(file);
  assert.deepEqual(await client?.call("echo", { a: [1] }), { a: [1] });
});
