/**
 * The policy in our own language decides as PowerMTA's own: generated configurations, compared name by name; and what the
 * export says it cannot write.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { domain } from "../../src/mail/domain.ts";
import { formatDomainPattern } from "../../src/mail/domain-pattern.ts";
import { formatNexthop } from "../../src/mail/nexthop.ts";
import { decide } from "../../src/policy/decide.ts";
import type { Compiled } from "../../src/policy/dialects/dialect.ts";
import type { OutboundQuestion, PolicySource } from "../../src/policy/rules.ts";
import { compileScopedRules } from "../../src/policy/scoped-rules.ts";
import { compiled, compiledWith, lines, question } from "./powermta/files.ts";

function exported(made: Compiled): PolicySource {
  const rules = made.export().flatMap((each) => (each.kind === "rule" ? [each] : []));
  assert.deepEqual(
    rules.filter(({ scope }) => scope.nexthop !== undefined),
    [],
  );
  return compileScopedRules(
    rules.map(({ scope: { nexthop: _, ...scope }, settings, from }) => ({ scope, settings, from })),
  );
}

function decision(source: PolicySource, asked: OutboundQuestion): unknown {
  const rule = source.outbound(asked);
  assert.ok(rule !== undefined);
  const { host, nexthop } = asked;
  const made = decide(rule, {
    nexthop,
    host,
    address: undefined,
    mxStatus: "insecure",
    implicitTls: false,
    messageAgeMs: 0,
  });
  if (made.kind === "refuse") return "refuses";
  return [made.id, made.clearText, made.clearTextTurn, made.clearTextIfUnproven, made.onFailure];
}

const names = ["a.test", "b.a.test", "c.b.a.test", "b.test", "q.rollup", "unnamed.example"];
const hosts = ["mx.in.test", "deep.mx.in.test", "mx.out.test"];
const bindings = ["{default}", "m1", "m2", "m3"];

const pattern = fc.constantFrom(
  "*",
  "a.test",
  "*.a.test",
  "[*.]a.test",
  "b.a.test",
  "*.b.a.test",
  "[*.]test",
  "q.rollup",
  "a.$m",
  "b.test",
);
const statement = fc.constantFrom(
  "use-starttls no",
  "use-starttls yes",
  "require-starttls yes",
  "require-starttls no",
  "smtp-tls-allow-tlsv1.2 no",
  "smtp-tls-ciphers ECDHE",
  'smtp-tls-ciphers ""',
  "use-dane yes",
  "use-dane no",
  "queue-to q.rollup",
  'queue-to ""',
  "disable-mx-rollup yes",
  "type discard",
  "reroute-to-virtual-mta m3",
);
const domainSection = fc
  .tuple(pattern, fc.array(statement, { minLength: 1, maxLength: 3 }))
  .map(([name, statements]) => [`<domain ${name}>`, ...statements, "</domain>"].join("\n"));
const sections = (maxLength: number) => fc.array(domainSection, { maxLength }).map((all) => all.join("\n"));
const configuration = fc
  .record({
    global: sections(6),
    m1: sections(2),
    m2: sections(2),
    pool: sections(2),
    rollups: fc.subarray(["mx *.in.test q.rollup", "mx mx.out.test q.rollup", "mx mx.in.test b.rollup"]),
  })
  .map(
    ({ global, m1, m2, pool, rollups }) => `domain-macro m test, example
${global}
<virtual-mta m1>
${m1}
</virtual-mta>
<virtual-mta m2>
${m2}
</virtual-mta>
<virtual-mta m3>
</virtual-mta>
<virtual-mta-pool p>
virtual-mta m1
virtual-mta m3
${pool}
</virtual-mta-pool>
<mx-rollup-list>
${rollups.join("\n")}
</mx-rollup-list>
`,
  );

test("powermta export: our own rules decide as PowerMTA does, for every name, MX host and virtual MTA", () => {
  fc.assert(
    fc.property(configuration, (text) => {
      const made = compiled(text);
      const ours = exported(made);
      for (const binding of bindings) {
        for (const to of names) {
          for (const host of hosts) {
            const asked = question(to, {
              binding,
              host: domain(host),
              bindingGroup: binding === "m2" ? undefined : "p",
            });
            if (binding === "{default}") Object.assign(asked, { bindingGroup: undefined });
            assert.deepEqual(decision(ours, asked), decision(made.source, asked), `${to} at ${host} by ${binding}`);
          }
        }
      }
    }),
    { numRuns: 250 },
  );
});

test("powermta export: nothing is written for virtual MTAs that say nothing, or nothing else", () => {
  const made = compiled(
    lines(
      "<virtual-mta m1>; </virtual-mta>; <domain *>; require-starttls yes; </domain>; <virtual-mta m2>; <domain a.test>; require-starttls yes; </domain>; </virtual-mta>",
    ),
  );
  const scopes = made.export().map((each) => (each.kind === "rule" ? each.scope : each.kind));
  assert.deepEqual(scopes, [{}, { binding: "m2", domain: { kind: "exact", domain: "a.test" } }]);
});

test("powermta export: routes that hold for everybody, and what cannot be said", () => {
  const made = compiled(
    lines(`<domain *.a.test>; smtp-hosts hub.test; </domain>; <domain x.a.test>; smtp-hosts ""; </domain>; <domain [10/8]>; require-starttls yes; </domain>
    <virtual-mta m1>; <domain b.test>; smtp-hosts other.test; </domain>; </virtual-mta>; <virtual-mta-pool p>; virtual-mta m1; </virtual-mta-pool>
    <domain sink.test>; type discard; </domain>; <domain *>; default-smtp-port 2525; </domain>`),
  );
  const written = made.export().flatMap((each) => {
    if (each.kind === "route")
      return [
        `${formatDomainPattern(each.pattern)} ${each.nexthops.map((hop) => (hop.kind === "own-domain" ? `own:${hop.port}` : formatNexthop(hop))).join(" ")}`,
      ];
    if (each.kind === "no-route") return [`${formatDomainPattern(each.pattern)} ${each.status}`];
    return each.kind === "cannot" ? [`${each.written}: ${each.why}`] : [];
  });
  const text = written.join("\n");
  assert.match(text, /^\.a\.test \[hub\.test\]:2525$/m);
  assert.match(text, /^x\.a\.test x\.a\.test:2525$/m);
  assert.match(text, /<domain \[10\/8\]>: a rule for recipients at addresses/);
  assert.match(text, /smtp-hosts of a virtual MTA/);
  assert.match(text, /<virtual-mta-pool p>: members that take turns/);
  assert.match(text, /^sink\.test 4\.3\.5$/m);
  assert.match(text, /^\* own:2525$/m);
});

test("powermta named: domains and names that patterns cover, hosts, bindings, nexthops", () => {
  const made = compiled(
    lines(`<domain *.a.test>; smtp-hosts [192.0.2.1]:26; </domain>; <mx-rollup-list>; mx *.in.test x.rollup; </mx-rollup-list>
    <virtual-mta m1>; <domain b.test>; use-starttls no; </domain>; </virtual-mta>`),
  );
  assert.deepEqual(made.named.domains, ["a.test", "below.a.test", "b.test", "unnamed.example"]);
  assert.deepEqual(made.named.hosts, ["mx.in.test"]);
  assert.deepEqual(made.named.addresses, ["192.0.2.1"]);
  assert.deepEqual(
    made.named.bindings.map(({ name }) => name),
    ["{default}", "m1"],
  );
  assert.deepEqual(
    made.named.nexthops.map((hop) => formatNexthop(hop)),
    ["[192.0.2.1]:26"],
  );
});

test("powermta: a configuration with an error answers nothing but refusals, exported or not", () => {
  const made = compiledWith("<domain a.test>\nrequire-starttls yes\n</domain>\nnonsense");
  assert.match(String(made.source.outbound(question("b.test"))?.refuse?.value), /Error in line 4 of/);
  assert.deepEqual(
    made.export().map(({ kind }) => kind),
    ["cannot"],
  );
});
