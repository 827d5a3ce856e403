import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMasterCf } from "./master-cf.ts";

const text = `# service type private unpriv chroot wakeup maxproc command
smtp      inet  n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
# in the middle
  -o { smtpd_banner = a b }
  -osmtpd_x=1 -v -vo smtpd_y=2 { -o smtpd_z=3 }

[::1]:465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_wrappermode=no
tls unix - - n - - smtp
pipe unix - n n - - pipe flags=Rq user=bar argv=/x -f \${sender} -o foo=bar
`;

test("master.cf CF-12: services and what they set for themselves, as postconf -M and -P print it", () => {
  const { services, notes } = parseMasterCf(text, "master.cf");
  assert.deepEqual(notes, []);
  assert.deepEqual(
    services.map(({ name, type, command, overrides }) => [
      `${name}/${type} ${command}`,
      ...[...overrides].map(([parameter, { value }]) => `${parameter} = ${value}`),
    ]),
    [
      [
        "smtp/inet smtpd",
        "smtpd_tls_security_level = encrypt",
        "smtpd_banner = a b",
        "smtpd_x = 1",
        "smtpd_y = 2",
        "smtpd_z = 3",
      ],
      ["[::1]:465/inet smtpd", "smtpd_tls_wrappermode = no"],
      ["tls/unix smtp"],
      // The program's own words, not Postfix's options: they come after a word without a dash.
      ["pipe/unix pipe"],
    ],
  );
});

test("master.cf CF-12: each override stands in its own line", () => {
  const [smtp] = parseMasterCf(text, "master.cf").services;
  assert.deepEqual(
    [...(smtp?.overrides.values() ?? [])].map(({ line, column }) => [line, column]),
    [
      [3, 6],
      [5, 8],
      [6, 5],
      [6, 22],
      [6, 36],
    ],
  );
  assert.equal(smtp?.line, 2);
});

const rows: readonly [name: string, line: string, want: string][] = [
  ["too few fields", "smtp inet n - y - -", "error: bad entry"],
  ["no such type", "smtp tcp n - y - - smtpd", "error: bad transport type: tcp"],
  ["no value", "smtp unix - - n - - smtp -o foo", "warning: missing '=' after attribute name"],
  ["nothing behind -o", "smtp unix - - n - - smtp -o", "warning: missing attribute name"],
  ["blanks without braces", "smtp unix - - n - - smtp -o a = b", "warning: missing '=' after attribute name"],
  ["braces left open", "smtp unix - - n - - smtp -o { a = b", "warning: missing '}'"],
  ["a word before an option", "smtp unix - - n - - smtp x -o a=b", "warning: unexpected command-line argument: x"],
  ["options behind --", "smtp unix - - n - - smtp -- -o a=b", "warning: unexpected command-line argument: -o"],
  ["another dash", "smtp unix - - n - - smtp \u2013o a=b", "warning: unexpected command-line argument: \u2013o"],
  ["a capital letter", "smtp unix - - n - - smtp -O a=b", "warning: unexpected command-line argument: a=b"],
  ["a comment behind a listener", "25 inet n - n - - smtpd -v # x", "warning: unexpected command-line argument: #"],
  ["two of one name", "x unix - - n - - smtp\nx unix - - n - - smtp", 'warning: duplicate service name "x"'],
  ["a byte order mark", "\ufeffsmtp unix - - n - - smtp", "warning: the file begins with a byte order mark"],
  ["white space at the beginning", "  smtp unix - - n - - smtp", "warning: logical line must not start"],
];

for (const [name, line, want] of rows) {
  test(`master.cf: ${name}`, () => {
    const [first] = parseMasterCf(`${line}\n`, "master.cf").notes;
    assert.ok(`${first?.kind}: ${first?.text}`.startsWith(want), first?.text);
  });
}

test("master.cf: an option that cannot be read, or stands where none is looked for, breaks its service alone", () => {
  const lines = ["-o a", "x -o a=b", "-o {a = b", "-- -o a=b", "-v # -o a=b"].map(
    (args, at) => `s${at} unix - - n - - smtp ${args}`,
  );
  const { services, notes } = parseMasterCf(`${lines.join("\n")}\nfine unix - - n - - smtp # comment\n`, "f");
  assert.deepEqual(
    services.map(({ broken }) => broken?.line),
    [1, 2, 3, 4, 5, undefined],
  );
  assert.ok(notes.every(({ kind, text }) => kind === "warning" && text.includes("its mail waits")));
});

test("master.cf: of two services with one name and type the later one counts, as in Postfix", () => {
  const text = "x unix - - n - - smtp -o a=1\nx inet - - n - - smtpd\nx unix - - n - - smtp -o a=2\n";
  const { services } = parseMasterCf(text, "f");
  assert.deepEqual(
    services.map(({ type, overrides }) => [type, overrides.get("a")?.value]),
    [
      ["inet", undefined],
      ["unix", "2"],
    ],
  );
});

test("master.cf: overrides that are printed are read again", () => {
  const value = fc.stringMatching(/^(?:[a-z0-9:$=](?:[a-z ,=]{0,10}[a-z])?)?$/);
  const overrides = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), value, { noNullPrototype: true });
  fc.assert(
    fc.property(overrides, (wanted) => {
      const options = Object.entries(wanted).map(([name, one]) => `\n  -o { ${name} = ${one} }`);
      const [service] = parseMasterCf(`x unix - - n - - smtp${options.join("")}\n`, "f").services;
      assert.deepEqual(
        [...(service?.overrides ?? [])].map(([name, one]) => [name, one.value]),
        Object.entries(wanted),
      );
    }),
  );
});

test("master.cf: any text is read to its end", () => {
  const word = fc.constantFrom("smtp", "inet", "unix", "-", "n", "-o", "{", "}", "a=b", "\n", "\n  ", "#", "=", "--");
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const { services } = parseMasterCf(words.join(" "), "f");
      assert.ok(services.every(({ line }) => line >= 1));
    }),
  );
});
