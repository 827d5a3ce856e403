import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../../mail/address.ts";
import type { DialectListener } from "./dialect.ts";
import { withoutCovered } from "./open-listeners.ts";

function listener(address: string, port: number, implicitTls = false): DialectListener {
  const from = { source: "powermta", file: undefined, line: undefined, column: undefined, scope: "" };
  return {
    name: `${address} ${port}${implicitTls ? " tls" : ""}`,
    address: address as IpAddress,
    port,
    implicitTls,
    from,
  };
}

const rows: readonly [title: string, listeners: readonly DialectListener[], want: readonly string[]][] = [
  ["different ports", [listener("0.0.0.0", 25), listener("192.0.2.1", 26)], ["0.0.0.0 25", "192.0.2.1 26"]],
  ["every address serves one of them too", [listener("192.0.2.1", 25), listener("0.0.0.0", 25)], ["0.0.0.0 25"]],
  ["families are apart", [listener("0.0.0.0", 25), listener("2001:db8::1", 25)], ["0.0.0.0 25", "2001:db8::1 25"]],
  ["every address of both families", [listener("0.0.0.0", 25), listener("::", 25)], ["0.0.0.0 25", ":: 25"]],
  [
    "one that begins with TLS is not served by one that does not",
    [listener("0.0.0.0", 25), listener("192.0.2.1", 25, true)],
    ["0.0.0.0 25", "192.0.2.1 25 tls"],
  ],
  ["the same twice: the last", [listener("192.0.2.1", 25), listener("192.0.2.1", 25, true)], ["192.0.2.1 25 tls"]],
];
for (const [title, listeners, want] of rows) {
  test(`listeners of another system: ${title}`, () => {
    assert.deepEqual(
      withoutCovered(listeners).map(({ name }) => name),
      want,
    );
  });
}
