/**
 * What a hostile peer does inside TLS and inside AUTH, held against a receiver with the real log-in behind it.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { openReceiver, rootPem } from "./receiver-lab.ts";

const timeout = 5_000;

/** A TLS 1.3 record of application data that nobody has the keys for. */
const forgedRecord = Buffer.concat([Buffer.from("1703030040", "hex"), randomBytes(64)]);
/** A handshake message, in clear, where only encrypted records may come. */
const clearRecord = Buffer.from("160303000400000000", "hex");
const changeCipherSpecs = Buffer.from("140303000101".repeat(50), "hex");

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  for (const [name, record] of [
    ["a forged record", forgedRecord],
    ["a handshake message in clear", clearRecord],
    ["fifty changes of ciphers", changeCipherSpecs],
  ] as const) {
    test(`AT-7, AT-8: ${name} after the handshake ends the session at once, ${maxVersion}`, { timeout }, async () => {
      await using lab = await openReceiver({ implicitTls: true });
      const between = connect({ host: "127.0.0.1", port: lab.receiver.port, noDelay: true });
      const carried = new Duplex({
        read: () => undefined,
        write: (bytes: Buffer, _encoding, done) => void between.write(bytes, () => done()),
      });
      between.on("data", (bytes) => carried.push(bytes));
      const secure = connectTls({ socket: carried, ca: [rootPem], servername: "mx.example.org", maxVersion });
      secure.on("error", () => undefined);
      await once(secure, "data"); // the greeting
      between.write(record);
      await once(between, "close");
      await new Promise(setImmediate);
      const ended = lab.events.find((event) => event.kind === "session-ended");
      assert.equal(ended?.reason, "connection lost");
    });
  }
}
