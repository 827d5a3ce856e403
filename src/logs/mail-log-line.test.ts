import assert from "node:assert/strict";
import { test } from "node:test";
import { mailLogLine, traditionalStamp } from "./mail-log-line.ts";

const tools = { hostname: "mail.example.com", pid: 123 };
const time = new Date(2026, 10, 2, 8, 3, 7).getTime();

test("mail log line: stamp in local time, host, program and process, as syslog daemons write them", () => {
  const line = mailLogLine(tools, "traditional");
  assert.equal(
    line({ text: "connect from a[192.0.2.1]", program: "postfix/smtpd", time }),
    "Nov  2 08:03:07 mail.example.com postfix/smtpd[123]: connect from a[192.0.2.1]",
  );
  assert.equal(line({ text: "d,a", time }), "d,a");
  assert.equal(traditionalStamp(time + 999), "Nov  2 08:03:07");
  assert.equal(traditionalStamp(time + 1000), "Nov  2 08:03:08");
});

test("mail log line: ISO stamps on demand", () => {
  assert.match(
    mailLogLine(tools, "iso")({ text: "x", program: "sendmail", time }),
    /^2026-11-0\dT\d\d:\d\d:07\.000Z mail\.example\.com sendmail\[123\]: x$/,
  );
});
