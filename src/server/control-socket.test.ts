import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { connectControl, serveControl } from "./control-socket.ts";

function socketFile(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-control-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, "control.sock");
}

test("control socket: questions are answered, also several at once, and a file in its place is replaced", async (t) => {
  const file = socketFile(t);
  writeFileSync(file, "left by a dead process");
  await using _server = await serveControl(file, {
    echo: (params) => params,
    fail: () => Promise.reject(new Error("no")),
  });
  using control = await connectControl(file);
  assert.ok(control);
  const answers = await Promise.all([control.call("echo", { a: "\u2028\n" }), control.call("echo", 2)]);
  assert.deepEqual(answers, [{ a: "\u2028\n" }, 2]);
  await assert.rejects(control.call("fail"), /no/);
});

test("control socket: nobody there", async (t) => assert.equal(await connectControl(socketFile(t)), undefined));

test("control socket: what is no request is told so and cut off", async (t) => {
  const file = socketFile(t);
  await using _server = await serveControl(file, {});
  const socket = net.connect(file);
  socket.end("GET / HTTP/1.1\n");
  const [answer] = await once(socket, "data");
  assert.deepEqual(JSON.parse(String(answer)), { id: 0, ok: false, error: "not a request" });
  await once(socket, "close");
});

test("control socket: a call that is open when the relay goes fails", async (t) => {
  const file = socketFile(t);
  const asked = Promise.withResolvers<void>();
  const server = await serveControl(file, {
    wait: () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  using control = await connectControl(file);
  const call = control?.call("wait");
  await asked.promise;
  await server[Symbol.asyncDispose]();
  await assert.rejects(call ?? Promise.resolve(), /the relay closed the connection/);
});

test("control socket: a path that is too long for one is told", async () => {
  const file = path.join(tmpdir(), "x".repeat(120), "control.sock");
  await assert.rejects(serveControl(file, {}), /longer than a socket's may be: take a shorter data folder/);
});
