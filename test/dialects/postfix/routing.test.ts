/**
 * Where mail goes under Postfix's transports, classes and relay hosts (TR-1 to TR-9).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNexthop } from "../../../src/mail/nexthop.ts";
import { compile, notesOf, routeOf, type WorldOptions } from "./world.ts";

function route(world: WorldOptions, to: string, sender?: string): string {
  const answer = routeOf(compile(world), to, sender);
  if (answer.kind !== "nexthops") return `${answer.kind} ${answer.status} ${answer.text}`;
  return answer.nexthops
    .map((nexthop) => {
      const via = nexthop.service === undefined ? "" : `${nexthop.service}:`;
      const key = nexthop.written === undefined ? "" : ` as ${nexthop.written}`;
      const first = nexthop.implicitTls === true ? " tls" : "";
      return `${via}${formatNexthop(nexthop)}${key}${first}`;
    })
    .join(", ");
}

const table = `user+ext@t.test smtp:[ext.test]
user@t.test smtp:[user.test]
t.test smtp:[t-host.test]:2525
.t.test relay:parent.test
keep.test :[kept.test]
plain.test relay:
same.test :
gone.test error:5.1.2 no such place
old.test error:moved away
slow.test retry:4.2.1 not now
odd.test error:4.3.2 said by error
drop.test discard:
sub.many.test smtp:[a.test]:smtp, [b.test] c.test:587
* smtp:[rest.test]
`;
const delimited = { transport: table, main: "recipient_delimiter = +" };

const byTable: readonly [to: string, want: string][] = [
  ["user+ext@t.test", "smtp:[ext.test] as [ext.test]"],
  ["user+other@t.test", "smtp:[user.test] as [user.test]"],
  ["USER@t.test", "smtp:[user.test] as [user.test]"],
  ["else@t.test", "smtp:[t-host.test]:2525 as [t-host.test]:2525"],
  ["u@a.b.t.test", "relay:parent.test as parent.test"],
  ["u@keep.test", "smtp:[kept.test] as [kept.test]"],
  ["u@plain.test", "relay:plain.test as plain.test"],
  ["u@same.test", "same.test"],
  ["u@gone.test", "fail 5.1.2 no such place"],
  ["u@old.test", "fail 5.0.0 moved away"],
  ["u@slow.test", "defer 4.2.1 not now"],
  ["u@odd.test", "fail 5.3.2 said by error"],
  ["u@drop.test", 'defer 4.3.0 transport "discard" would drop this mail, Letterlock drops none'],
  ["u@sub.many.test", "smtp:[a.test] as [a.test]:smtp, smtp:[b.test] as [b.test], smtp:c.test:587 as c.test:587"],
  ["u@unlisted.test", "smtp:[rest.test] as [rest.test]"],
];

for (const [to, want] of byTable) {
  test(`postfix routing, transport table: ${to}`, () => assert.equal(route(delimited, to), want));
}

test("postfix routing: nothing configured: the recipient's own domain (TR-8)", () => {
  assert.equal(route({}, "u@example.com"), "example.com");
  assert.equal(route({}, "u@[192.0.2.7]"), "[192.0.2.7]");
});

test("postfix routing: patterns see the whole address, no parents and no star (TR-2)", () => {
  const world = {
    main: "transport_maps = regexp:/re",
    files: { "/re": "/@r\\.test$/ smtp:[by-pattern.test]\n/^\\*$/ smtp:[star.test]\n/^\\.test$/ smtp:[parent.test]\n" },
  };
  assert.equal(route(world, "u@r.test"), "smtp:[by-pattern.test] as [by-pattern.test]");
  assert.equal(route(world, "u@other.test"), "other.test");
});

const relayhost = { main: "relayhost = [relay.test]:587\nrelay_domains = example.org" };

test("postfix routing: relayhost, for the relay class by its own transport", () => {
  assert.equal(route(relayhost, "u@example.com"), "smtp:[relay.test]:587 as [relay.test]:587");
  assert.equal(route(relayhost, "u@sub.example.org"), "relay:[relay.test]:587 as [relay.test]:587");
  assert.equal(
    route({ main: `${relayhost.main}\nrelay_transport = relay:[inside.test]` }, "u@example.org"),
    "relay:[inside.test] as [inside.test]",
  );
});

test("postfix routing: a transport without a next-hop goes past the relay host (TR-4)", () => {
  const world = { ...relayhost, transport: "direct.test smtp:\n" };
  assert.equal(route(world, "u@direct.test"), "direct.test");
});

const bySender = {
  main: `relayhost = [relay.test]
sender_dependent_relayhost_maps = inline:{ {boss@a.test=[boss.test]:26}, {@a.test=[a-relay.test]}, {@b.test=DUNNO}, {<>=[bounces.test]} }
sender_dependent_default_transport_maps = inline:{ {@c.test=relay:[c-relay.test]}, {@b.test=dunno} }`,
};

test("postfix routing: by sender: address, @domain, DUNNO, the null sender (TR-8)", () => {
  assert.equal(route(bySender, "u@x.test", "boss@a.test"), "smtp:[boss.test]:26 as [boss.test]:26");
  assert.equal(route(bySender, "u@x.test", "other@a.test"), "smtp:[a-relay.test] as [a-relay.test]");
  assert.equal(route(bySender, "u@x.test", "u@b.test"), "x.test");
  assert.equal(route(bySender, "u@x.test", "u@c.test"), "relay:[c-relay.test] as [c-relay.test]");
  assert.equal(route(bySender, "u@x.test", "u@d.test"), "smtp:[relay.test] as [relay.test]");
  assert.equal(route(bySender, "u@x.test"), "smtp:[bounces.test] as [bounces.test]");
});

test("postfix routing: default_transport names a service and perhaps a next-hop", () => {
  const master = "smtp unix - - n - - smtp\nsecure unix - - n - - smtp -o smtp_tls_security_level=secure\n";
  assert.equal(route({ main: "default_transport = secure", master }, "u@x.test"), "secure:x.test as x.test");
  assert.equal(route({ main: "default_transport = smtp:[gate.test]" }, "u@x.test"), "smtp:[gate.test] as [gate.test]");
});

test("postfix routing: mail for mailboxes waits, by class and with the reason", () => {
  const main = "mydestination = local.test\nvirtual_mailbox_domains = boxes.test\nvirtual_alias_domains = alias.test";
  assert.match(
    route({ main }, "u@local.test"),
    /^defer 4\.3\.0 transport "local" delivers by local, Letterlock only relays/,
  );
  assert.match(route({ main }, "u@boxes.test"), /^defer 4\.3\.0 transport "virtual" delivers by virtual/);
  assert.match(route({ main }, "u@alias.test"), /^defer 4\.3\.0 alias\.test is a virtual alias domain/);
  assert.match(
    route({ transport: "l.test lmtp:unix:/run/x" }, "u@l.test"),
    /^defer 4\.3\.0 transport "lmtp" speaks LMTP/,
  );
  const moved = `${main}\nlocal_transport = smtp:[inside.test]`;
  assert.equal(route({ main: moved }, "u@local.test"), "smtp:[inside.test] as [inside.test]");
});

test("postfix routing: a fallback relay comes last, for the services that have it (KEY-5)", () => {
  const master = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp -o smtp_fallback_relay=\n";
  const main = "smtp_fallback_relay = [back.test]:26\nrelay_domains = in.test";
  assert.equal(route({ main, master }, "u@x.test"), "smtp:x.test as x.test, smtp:[back.test]:26 as [back.test]:26");
  assert.equal(route({ main, master }, "u@in.test"), "relay:in.test as in.test");
});

test("postfix routing: TLS from the first octet is the service's, with and without brackets", () => {
  const master = "smtp unix - - n - - smtp\nsmtps unix - - n - - smtp -o smtp_tls_wrappermode=yes\n";
  const transport = "w.test smtps:[mx.test]:465\nv.test smtps:mx.test:465\n";
  assert.equal(route({ master, transport }, "u@w.test"), "smtps:[mx.test]:465 as [mx.test]:465 tls");
  assert.equal(route({ master, transport }, "u@v.test"), "smtps:mx.test:465 as mx.test:465 tls");
});

test("postfix routing: domain lists with tables, files, negation and subdomains", () => {
  const main =
    "relay_domains = !no.in.test, in.test, /etc/postfix/domains, inline:{{table.test=x}}\nrelay_transport = relay:[inside.test]";
  const world = { main, files: { "/etc/postfix/domains": "# ours\nfile.test\n" } };
  const inside = "relay:[inside.test] as [inside.test]";
  for (const to of ["u@in.test", "u@sub.in.test", "u@file.test", "u@table.test", "u@a.table.test"]) {
    assert.equal(route(world, to), inside, to);
  }
  assert.equal(route(world, "u@no.in.test"), "no.in.test");
  const missing = { main: "relay_domains = /nowhere" };
  assert.match(route(missing, "u@x.test"), /^defer 4\.3\.0 address resolver failure: domain list cannot be asked/);
});

test("postfix routing: mailbox domains in a database have no say, relay domains in one make mail wait", () => {
  const mailboxes = compile({ main: "virtual_mailbox_maps = mysql:/etc/postfix/boxes.cf" });
  assert.equal(route({ main: "virtual_mailbox_maps = mysql:/etc/postfix/boxes.cf" }, "u@x.test"), "x.test");
  assert.match(notesOf(mailboxes, "differs").join("\n"), /mail for its domains is relayed like any other/);
  assert.deepEqual(notesOf(mailboxes, "error"), []);
  const relay = { main: "relay_domains = mysql:/etc/postfix/relay.cf" };
  assert.match(route(relay, "u@x.test"), /^defer 4\.3\.0 address resolver failure: domain list/);
});

test("postfix routing: hostname and binding", () => {
  const { settings } = compile({
    main: "smtp_bind_address = 192.0.2.5\nsmtp_bind_address6 = 2001:db8::5\nsmtp_helo_name = out.$myhostname",
  });
  assert.equal(settings.hostname?.value, "relay.lab.test");
  const [binding] = settings.bindings ?? [];
  assert.deepEqual(
    [binding?.name, binding?.sourceAddress4, binding?.sourceAddress6, binding?.ehlo],
    ["default", "192.0.2.5", "2001:db8::5", "out.relay.lab.test"],
  );
  assert.deepEqual(compile({}).settings.bindings, []);
});
