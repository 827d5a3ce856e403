import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkList } from "./chunk-list.ts";

test("chunks: all octets in order, whatever their sizes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 20 }), (sizes) => {
      const list = new ChunkList();
      const parts = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      for (const part of parts) list.append(part);
      assert.ok(Buffer.concat(list.take()).equals(Buffer.concat(parts)));
      assert.deepEqual(list.take(), []);
    }),
  );
});

test("AT-21: a message that drips in does not become a buffer for each octet, nor pins large slabs", () => {
  const list = new ChunkList();
  const slab = Buffer.allocUnsafeSlow(65536);
  for (let at = 0; at < 50_000; at++) list.append(slab.subarray(at, at + 1));
  const chunks = list.take();
  assert.ok(chunks.length < 10);
  assert.ok(chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) < 70_000);
});
