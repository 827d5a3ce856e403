/**
 * `policy:` with a made-up dialect: what becomes of what it brings is the loader's business, whatever its language.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { domain } from "../mail/domain.ts";
import type { Compiled, DialectBinding, DialectSettings, Note } from "../policy/dialects/dialect.ts";
import type { CompileDialect, DialectSource } from "../policy/dialects/registry.ts";
import type { TlsLevel } from "../policy/rules.ts";
import { type LoadResult, loadSettings } from "./load.ts";
import type { PolicyFlag } from "./policy-flag.ts";
import { formatProblem } from "./problem.ts";
import { textFiles } from "./text-files.ts";

type Made = Readonly<{ level?: TlsLevel; settings?: DialectSettings; notes?: readonly Note[]; reads?: string }>;

/** Answers one level for all mail, and remembers what it was given. */
function dialect(made: Made = {}, asked: DialectSource[] = []): CompileDialect {
  return (source, files): Compiled => {
    asked.push(source);
    if (made.reads !== undefined) {
      files.read(made.reads);
      files.list(`${made.reads}.d`);
      files.modifiedAt(`${made.reads}.db`);
    }
    const from = { source: source.system, file: "/m", line: 1, column: 1, scope: "everything" };
    return {
      source: {
        name: source.system,
        outbound: () => ({ level: { value: made.level ?? "encrypt", from } }),
        candidates: () => [],
      },
      settings: made.settings ?? {},
      notes: made.notes ?? [],
      named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
      export: () => [],
    };
  };
}

function load(text: string, compile: CompileDialect, flag?: PolicyFlag): LoadResult {
  const files = { "postfix/main.cf": "", "mail/access": "", "momentum.conf": "" };
  return loadSettings({
    path: "/etc/x/x.yaml",
    text,
    compile,
    flag,
    reader: textFiles(files, { folder: "/etc" }),
    machine: { hostname: "machine.example", processors: 1 },
  });
}

function told({ problems }: LoadResult): string[] {
  return problems.map((problem) => formatProblem(problem).replace("/etc/x/x.yaml:", ""));
}

const binding = (name: string, more: Partial<DialectBinding> = {}): DialectBinding => ({
  name,
  group: undefined,
  sourceAddress4: undefined,
  sourceAddress6: undefined,
  ehlo: undefined,
  credential: undefined,
  from: { source: "momentum", file: "/m", line: 1, column: 1, scope: name },
  ...more,
});

test("policy: every option of every system reaches its compiler, paths made absolute", () => {
  const asked: DialectSource[] = [];
  const result = load(
    `policy:
- postfix: { main: ../postfix/main.cf, master: /m.cf, defines: { maps_d_dir: /d } }
- sendmail: { access: a, mc: b, cf: c, version: "8.17" }
- momentum: { file: /ecelerity.conf, search-path: [inc, /inc] }
- powermta: { file: /etc/pmta/config }
- postfix: { main: /main.cf }
`,
    dialect({}, asked),
  );
  assert.ok(result.settings);
  assert.deepEqual(asked, [
    { system: "postfix", options: { main: "/etc/postfix/main.cf", master: "/m.cf", defines: { maps_d_dir: "/d" } } },
    { system: "sendmail", options: { access: "/etc/x/a", mc: "/etc/x/b", cf: "/etc/x/c", version: "8.17" } },
    { system: "momentum", options: { file: "/ecelerity.conf", searchPath: ["/etc/x/inc", "/inc"] } },
    { system: "powermta", options: { file: "/etc/pmta/config" } },
    { system: "postfix", options: { main: "/main.cf", defines: {} } },
  ]);
  assert.deepEqual(
    result.settings.policySources.map(({ name }) => name),
    ["letterlock", "postfix", "sendmail", "momentum", "powermta", "postfix"],
  );
});

const orderRows: readonly (readonly [policy: string, order: readonly string[]])[] = [
  ["", ["letterlock"]],
  ["policy: []", ["letterlock"]],
  ["policy: [powermta: { file: /p }]", ["letterlock", "powermta"]],
  ["policy: [powermta: { file: /p }, letterlock]", ["powermta", "letterlock"]],
  ["policy: [letterlock, powermta: { file: /p }, sendmail: { mc: /s }]", ["letterlock", "powermta", "sendmail"]],
];

for (const [text, want] of orderRows) {
  test(`policy: the order of ${text === "" ? "nothing" : text}`, () => {
    const result = load(text, dialect());
    assert.deepEqual(told(result), []);
    assert.deepEqual(
      result.settings?.policySources.map(({ name }) => name),
      want,
    );
  });
}

const oneOf = "exactly one of postfix, sendmail, momentum, powermta";
const wrongRows: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
  [
    "a system without its file",
    "policy: [postfix]",
    [
      '1:10: error: "postfix" is not known here (write letterlock, or a section such as "postfix: { main: /etc/postfix/main.cf }")',
    ],
  ],
  [
    "no file at all",
    "policy: [sendmail: {}]",
    ["1:10: error: no file of Sendmail is named (write access:, mc: or cf: with its path)"],
  ],
  [
    "main.cf is missing",
    "policy: [postfix: { master: x }]",
    ['1:19: error: "main" is missing (add "main:" and its value (file))'],
  ],
  [
    "two systems in one entry",
    "policy:\n- postfix: { main: x }\n  powermta: { file: y }",
    [`2:3: error: ${oneOf} is needed here; there is a map (write ${oneOf})`],
  ],
  ["no system in an entry", "policy: [{}]", [`1:10: error: ${oneOf} is needed here; there is a map (write ${oneOf})`]],
  [
    "an unknown version",
    'policy: [sendmail: { mc: x, version: "9" }]',
    ['1:38: error: "9" is not known here (known: 8.14, 8.15, 8.16, 8.17, 8.18)'],
  ],
  [
    "ours twice",
    "policy: [letterlock, letterlock]",
    ["1:22: error: letterlock stands here for the second time (leave one of the two)"],
  ],
];

for (const [name, text, want] of wrongRows) {
  test(`policy: ${name}`, () => {
    const result = load(text, dialect());
    assert.deepEqual(told(result), want);
    assert.equal(result.settings, undefined);
  });
}

test("policy: an error of a source keeps the whole from being used, and what it says comes after our own problems", () => {
  const note = { file: "/m", column: 1, remedy: "" };
  const notes: Note[] = [
    { ...note, kind: "error", line: 9, text: "unknown option" },
    { ...note, kind: "warning", line: 2, text: "odd", remedy: "write even" },
    { ...note, kind: "applied", line: 3, text: "fine" },
    { ...note, kind: "error", file: "/a", line: 9, text: "broken" },
  ];
  const result = load("binding-header: Received\npolicy: [momentum: { file: /m }]", dialect({ notes }));
  assert.deepEqual(told(result).slice(1), [
    "/a:9:1: error: broken",
    "/m:2:1: warning: odd (write even)",
    "/m:9:1: error: unknown option",
  ]);
  assert.match(told(result)[0] ?? "", /^1:1: warning/);
  assert.equal(result.settings, undefined);
  assert.deepEqual(result.sources, [{ system: "momentum", file: "/m", notes }]);
  assert.ok(load("policy: [momentum: { file: /m }]", dialect({ notes: notes.slice(1, 3) })).settings);
});

test("policy: a hundred thousand warnings are told by the first thousand, and hide no error", () => {
  const note = { file: "/m", column: 1, remedy: "" };
  const warnings = Array.from(
    { length: 100_000 },
    (_, line): Note => ({ ...note, kind: "warning", line, text: `odd ${line}` }),
  );
  const notes: Note[] = [...warnings, { ...note, kind: "error", line: 100_001, text: "wrong" }];
  const { problems, settings } = load("policy: [momentum: { file: /m }]", dialect({ notes }));
  assert.equal(problems.length, 1001);
  assert.equal(problems.at(-1)?.severity, "error");
  assert.equal(settings, undefined);
});

test("policy: what one file says in the same words about more than three lines is said once", () => {
  const told3 = Array.from(
    { length: 3 },
    (_, line): Note => ({
      kind: "warning",
      file: "/a",
      line,
      column: 1,
      text: "odd",
      remedy: "",
    }),
  );
  const told1200 = Array.from(
    { length: 1200 },
    (_, line): Note => ({
      kind: "warning",
      file: "/b",
      line: line + 1,
      column: 1,
      text: "odd",
      remedy: "even",
    }),
  );
  const result = load("policy: [momentum: { file: /m }]", dialect({ notes: [...told3, ...told1200] }));
  assert.deepEqual(told(result), [
    "/a:0:1: warning: odd",
    "/a:1:1: warning: odd",
    "/a:2:1: warning: odd",
    "/b:1:1: warning: odd (and 1,199 more lines of this file) (even)",
  ]);
});

test("policy: every file and folder that a source asks for is watched", () => {
  const { settings } = load(
    "policy: [momentum: { file: /etc/momentum.conf }]",
    dialect({ reads: "/etc/momentum.conf" }),
  );
  for (const file of ["/etc/momentum.conf", "/etc/momentum.conf.d", "/etc/momentum.conf.db"]) {
    assert.ok(settings?.files.includes(file), file);
  }
  assert.deepEqual(settings?.dialects[0]?.files, ["/etc/momentum.conf"]);
});

test("policy: host name, routing and choice of bindings: ours before the sources', in their order", () => {
  const from = { source: "x", file: "/m", line: 1, column: 1, scope: "" };
  const routing = { route: () => undefined };
  const chooseBinding = { headersWanted: () => new Map(), choose: () => undefined };
  const settings = { hostname: { value: domain("theirs.example"), from }, routing, chooseBinding };
  const text = "policy: [momentum: { file: /m }, powermta: { file: /p }]";
  const theirs = load(text, dialect({ settings })).settings;
  assert.equal(theirs?.hostname, "theirs.example");
  assert.equal(theirs.bindings.get("default")?.ehlo, "theirs.example");
  assert.equal(theirs.routing, routing);
  assert.deepEqual(theirs.bindingChoosers, [chooseBinding, chooseBinding]);
  assert.equal(load(`hostname: ours.example\n${text}`, dialect({ settings })).settings?.hostname, "ours.example");
  assert.equal(load(text, dialect()).settings?.hostname, "machine.example");
});

test("policy: bindings of a source stand beside ours; ours of the same name goes before, setting by setting", () => {
  const address = (text: string): IpAddress => text as IpAddress;
  const bindings = [
    binding("news", { group: "bulk", sourceAddress4: address("192.0.2.1"), ehlo: domain("news.example") }),
    binding("default", { sourceAddress4: address("192.0.2.2"), ehlo: "sender-domain" }),
    binding("news", { sourceAddress4: address("192.0.2.9") }),
  ];
  const yaml = `
policy: [momentum: { file: /m }]
bindings:
  news: { source-address: "2001:db8::1" }
  mine: { group: bulk, ehlo: mine.example }
default-binding: news
`;
  const { settings, problems } = load(yaml, dialect({ settings: { bindings } }));
  assert.deepEqual(problems.map(formatProblem), []);
  const none = { group: undefined, sourceAddress4: undefined, sourceAddress6: undefined, clientCertificate: undefined };
  assert.deepEqual(
    [...(settings?.bindings.values() ?? [])].toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      {
        ...none,
        name: "default",
        sourceAddress4: "192.0.2.2",
        ehlo: "machine.example",
        ehloFrom: "sender-domain",
      },
      { ...none, name: "mine", group: "bulk", ehlo: "mine.example", ehloFrom: "configured" },
      {
        ...none,
        name: "news",
        group: "bulk",
        sourceAddress6: "2001:db8::1",
        ehlo: "news.example",
        ehloFrom: "configured",
      },
    ],
  );
});

const flagRows: readonly (readonly [name: string, flag: PolicyFlag, want: DialectSource | RegExp])[] = [
  [
    "--postfix DIR",
    { system: "postfix", path: "/etc/postfix" },
    { system: "postfix", options: { main: "/etc/postfix/main.cf" } },
  ],
  [
    "--postfix with the file itself",
    { system: "postfix", path: "/etc/postfix/main.cf" },
    { system: "postfix", options: { main: "/etc/postfix/main.cf" } },
  ],
  [
    "--postfix, mistyped",
    { system: "postfix", path: "/etc/postfx" },
    /--postfix \/etc\/postfx: there is no file \/etc\/postfx\/main\.cf/,
  ],
  [
    "--sendmail DIR with one of the three",
    { system: "sendmail", path: "/etc/mail" },
    { system: "sendmail", options: { access: "/etc/mail/access" } },
  ],
  [
    "--sendmail, mistyped",
    { system: "sendmail", path: "/etc/mial" },
    /no file access, sendmail\.mc or sendmail\.cf in \/etc\/mial/,
  ],
  [
    "--momentum FILE",
    { system: "momentum", path: "/etc/momentum.conf" },
    { system: "momentum", options: { file: "/etc/momentum.conf" } },
  ],
  [
    "--powermta, mistyped",
    { system: "powermta", path: "/etc/pmta" },
    /--powermta \/etc\/pmta: there is no file \/etc\/pmta/,
  ],
];

for (const [name, flag, want] of flagRows) {
  test(`policy: ${name}`, () => {
    const asked: DialectSource[] = [];
    const result = load("", dialect({}, asked), flag);
    if (want instanceof RegExp) {
      assert.match(told(result).join("\n"), want);
      assert.deepEqual([result.settings, asked], [undefined, []]);
    } else {
      assert.deepEqual(told(result), []);
      assert.deepEqual(asked, [want]);
    }
  });
}

test("policy: a flag beside policy: is refused, beside a file without it is taken", () => {
  const flag: PolicyFlag = { system: "postfix", path: "/etc/postfix" };
  assert.deepEqual(told(load("policy: []", dialect(), flag)), [
    "1:1: error: policy: is written here, and --postfix is given (leave one of the two: policy: may name the postfix configuration too)",
  ]);
  const { settings } = load("hostname: a.example", dialect(), flag);
  assert.deepEqual(
    settings?.policySources.map(({ name }) => name),
    ["letterlock", "postfix"],
  );
});

const momentum = "policy: [momentum: { file: /m }]";
const shadowRows: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
  ["no rules of ours", momentum, []],
  ["rules with a level before it", `${momentum}\ntls: { domains: { a.example: { level: secure } } }`, []],
  [
    "a level for everything before it",
    `${momentum}\ntls: { level: encrypt }`,
    [
      "2:1: warning: this level holds for all mail: momentum /m is never asked (write it at the domains, hosts or bindings that are meant)",
    ],
  ],
  [
    "rules after it",
    "policy: [momentum: { file: /m }, letterlock]\ntls: { domains: { a.example: { level: secure } } }",
    [
      "2:19: warning: the TLS rules of this file are never asked: momentum /m before them answers for all mail (put letterlock first in policy:)",
    ],
  ],
  [
    "a rule without a level",
    `${momentum}\ntls: { domains: { a.example: { sni: "off" } } }`,
    ["2:19: warning: without a level this rule means level may, whatever momentum /m says (give it a level)"],
  ],
  [
    "a rule without a level inside one with it",
    `${momentum}\ntls: { domains: { .example: { level: secure }, a.example: { hosts: { mx.example: { sni: "off" } } } } }`,
    [],
  ],
  [
    "a rule without a level in a binding whose group has one",
    `${momentum}\nbinding-groups: { g: { tls: { level: secure } } }\nbindings: { b: { group: g, tls: { sni: "off" } } }`,
    [],
  ],
  [
    "a level that ends is none to rely on",
    `${momentum}\ntls: { domains: { a.example: { sni: "off" }, .example: { level: may, expires: 2999-01-01 } } }`,
    ["2:19: warning: without a level this rule means level may, whatever momentum /m says (give it a level)"],
  ],
  [
    "a second mail server after it",
    "policy: [momentum: { file: /m }, powermta: { file: /p }]",
    [
      "1:34: warning: the policy of powermta /p for outgoing mail is never asked: momentum /m before it answers for all of it (leave it out, unless its listeners, bindings or routes are wanted)",
    ],
  ],
  ["Sendmail after it: its requirements come on top", "policy: [momentum: { file: /m }, sendmail: { mc: /s }]", []],
];

for (const [name, text, want] of shadowRows) {
  test(`policy: ${name}`, () => assert.deepEqual(told(load(text, dialect())), want));
}
