/**
 * Listeners that other mail servers' configurations name, beside our own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpAddress } from "../mail/address.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import type { DialectListener, DialectSettings } from "../policy/dialects/dialect.ts";
import type { CompileDialect } from "../policy/dialects/registry.ts";
import type { InboundRule } from "../policy/rules.ts";
import type { User } from "../users/user.ts";
import { sampleUser } from "../users/user-sample.ts";
import { loadSettings } from "./load.ts";
import type { PolicyFlag } from "./policy-flag.ts";
import { formatProblem } from "./problem.ts";
import { textFiles } from "./text-files.ts";

type Made = Readonly<{ settings: DialectSettings; inbound?: InboundRule }>;

/** Each system brings what is given for it. */
function dialects(made: Readonly<Record<string, Made>>): CompileDialect {
  return ({ system }) => ({
    source: {
      name: system,
      outbound: () => undefined,
      inbound: () => made[system]?.inbound,
      candidates: () => [],
    },
    settings: made[system]?.settings ?? {},
    notes: [],
    named: { domains: [], recipients: [], hosts: [], addresses: [], bindings: [], nexthops: [] },
    export: () => [],
  });
}

function named(system: string, line: number | undefined, place: string, implicitTls = false): DialectListener {
  const [address = "", port = ""] = place.split(/:(?=\d+$)/);
  const from = { source: system, file: `/etc/${system}`, line, column: 1, scope: place };
  return { name: place, address: address as IpAddress, port: Number(port), implicitTls, from };
}

function load(text: string, made: Readonly<Record<string, Made>>, flag?: PolicyFlag) {
  const { settings, problems } = loadSettings({
    path: "/c/x.yaml",
    text,
    compile: dialects(made),
    reader: textFiles({ "/etc/config": "", "/etc/main.cf": "" }),
    machine: { hostname: "mx.example.com", processors: 1 },
    flag,
  });
  return {
    settings,
    opened: settings?.listeners.map(
      ({ name, implicitTls, from }) => `${name}${implicitTls ? " implicit" : ""} ${from.file}:${from.line}`,
    ),
    told: problems
      .filter(({ message }) => !message.includes("for outgoing mail is never asked"))
      .map((problem) => formatProblem(problem).replace("/c/x.yaml:", "")),
  };
}

const both = "policy: [{ postfix: { main: /etc/main.cf } }, { powermta: { file: /etc/config } }]\n";
const clear: InboundRule = {
  starttls: { value: "never", from: { source: "x", file: "/x", line: 1, column: 1, scope: "" } },
};

function listening(system: string, ...listeners: DialectListener[]): Record<string, Made> {
  return { [system]: { settings: { listeners }, inbound: clear } };
}

test("listeners: those of a dialect are opened where our own file names none", () => {
  const made = listening("powermta", named("powermta", 3, "192.0.2.1:25"), named("powermta", 4, "192.0.2.1:465", true));
  const flag = { system: "powermta", path: "/etc/config" } as const;
  const { opened, told, settings } = load("relay-networks: [10.0.0.0/8]\n", made, flag);
  assert.deepEqual(told, []);
  assert.deepEqual(opened, ["192.0.2.1:25 /etc/powermta:3", "192.0.2.1:465 implicit /etc/powermta:4"]);
  const beside = load("relay-networks: [10.0.0.0/8]\n", made, { ...flag, beside: true });
  assert.deepEqual(beside.told, []);
  assert.deepEqual(
    beside.settings?.listeners.map(({ address, port }) => `${address}:${port}`),
    ["127.0.0.1:2525", "127.0.0.1:4465"],
  );
  assert.deepEqual(settings?.listeners[0]?.rule, {});
});

test("listeners: our own win as a whole; without any, and where a dialect only knows its default, loopback stays", () => {
  const made = listening("powermta", named("powermta", 3, "192.0.2.1:25"));
  const own = load(`${both}listeners: [{ name: a, address: 127.0.0.1:1, tls: none }]\n`, made);
  assert.deepEqual(own.opened, ["a /c/x.yaml:2"]);
  assert.deepEqual(load(both, {}).opened?.length, 2);
  const byDefault = listening("powermta", named("powermta", undefined, "0.0.0.0:25"));
  assert.deepEqual(
    load(both, byDefault).settings?.listeners.map(({ address }) => address),
    ["127.0.0.1", "127.0.0.1"],
  );
});

test("listeners: what tls-profile says counts at those of a dialect too", () => {
  const made = listening("powermta", named("powermta", 3, "127.0.0.1:25"));
  const { settings } = load(`${both}tls-profile: { protocols: TLSv1.3 }\n`, made);
  assert.equal(settings?.listeners[0]?.rule.protocols?.value.min, "TLSv1.3");
});

test("listeners: a port that two files want is told with both places", () => {
  const overlapping = {
    ...listening("postfix", named("postfix", 5, "0.0.0.0:25")),
    ...listening("powermta", named("powermta", 3, "192.0.2.1:25")),
  };
  assert.deepEqual(load(both, overlapping).told, [
    "1:1: error: listener 192.0.2.1:25 of /etc/powermta:3: taken by 0.0.0.0:25, the listener on /etc/postfix:5 (give one of the two another port or address)",
  ]);
  const alike = {
    ...listening("postfix", named("postfix", 5, "192.0.2.1:25")),
    ...listening("powermta", named("powermta", 3, "192.0.2.1:25")),
  };
  const { told, opened } = load(both, alike);
  assert.deepEqual(told, [
    "1:1: warning: listener 192.0.2.1:25 of /etc/powermta:3: /etc/postfix:5 names it too, which counts (write listeners: here to say which are opened)",
  ]);
  assert.deepEqual(opened, ["192.0.2.1:25 /etc/postfix:5"]);
  const metrics = listening("powermta", named("powermta", 3, "127.0.0.1:2580"));
  assert.match(
    load(both, metrics).told.join(),
    /metrics 127\.0\.0\.1:2580: taken by .*, the listener on \/etc\/powermta:3/,
  );
});

test("listeners: a dialect's listener without a certificate of anybody is told; one that says so itself is not", () => {
  const made = { powermta: { settings: { listeners: [named("powermta", 3, "192.0.2.1:25")] } } };
  assert.match(load(both, made).told.join(), /without a certificate this listener shows a self-made one/);
  assert.deepEqual(load(both, listening("powermta", named("powermta", 3, "192.0.2.1:25"))).told, []);
});

test("listeners: everybody may not relay through those of a dialect either", () => {
  const made = listening("powermta", named("powermta", 3, "192.0.2.1:25"));
  assert.match(
    load(`${both}relay-domains: '*'\n`, made).told.join(),
    /relay-domains "\*": with the listener 192\.0\.2\.1:25/,
  );
});

test("listeners: a dialect that lets everybody send to everywhere is told where others get there", () => {
  const relayDomains = [{ kind: "any" } as const];
  const open = {
    powermta: { settings: { listeners: [named("powermta", 3, "192.0.2.1:25")], relayDomains }, inbound: clear },
  };
  assert.deepEqual(load(both, open).told, [
    "1:1: warning: powermta /etc/config lets every client send to every domain: with the listener 192.0.2.1:25 this is an open relay (name the domains there, or the networks of your own clients)",
  ]);
  assert.deepEqual(load(both, { powermta: { settings: { relayDomains } } }).told, []);
});

test("dialects: users, relay domains and the wish for names are joined with our own", () => {
  const user = (name: string): User => sampleUser({ name, secret: "s" });
  const domains = [parseDomainPattern(".b.example")].filter((each) => each !== undefined);
  const made = {
    postfix: { settings: { relayDomains: domains, needsClientNames: true } },
    powermta: { settings: { users: [user("ann")] } },
  } as const;
  const { settings } = load(`${both}relay-domains: a.example\n`, made);
  assert.deepEqual(
    settings?.users.users.map(({ name }) => name),
    ["ann"],
  );
  assert.deepEqual(settings?.relayDomains, [{ kind: "exact", domain: "a.example" }, ...domains]);
  assert.equal(settings?.clientNames, true);
});

test("users: one of our own file goes before a dialect's of that name, and that is told", () => {
  const digest = "ab".repeat(32);
  const { settings, problems } = loadSettings({
    path: "/c/x.yaml",
    text: "users-file: u.yaml\npolicy: [{ powermta: { file: /etc/config } }]\n",
    compile: dialects({ powermta: { settings: { users: [{ name: "ann" } as User] } } }),
    reader: textFiles({ "/c/u.yaml": `users: { ann: { certificates: [sha256:${digest}] } }` }),
    machine: { hostname: "mx.example.com", processors: 1 },
  });
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['user "ann" stands in the users file and in another configuration: the users file counts'],
  );
  assert.equal(settings?.users.find("ann")?.certificates.length, 1);
});
