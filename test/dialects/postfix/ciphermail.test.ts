/**
 * CipherMail's layout and the three procedures of its manual, word for word as the page has them: what Postfix makes of
 * each, and what check says where that is not what the page promises.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { compile, deliver, notesOf, ruleFor, type WorldOptions } from "./world.ts";

function fixture(name: string): string {
  return readFileSync(path.join(import.meta.dirname, "ciphermail", name), "utf8");
}

const maps = fixture("policy-maps.cf");

function gateway(policy: string, main = maps, transport = "", more: WorldOptions = {}): WorldOptions {
  const folder = "/etc/postfix/maps.d";
  return {
    wholeMain: `${fixture("main.cf")}${main}`,
    files: {
      [`${folder}/hash-tls-policy.map`]: policy,
      [`${folder}/hash-tls-policy.map.db`]: "",
      [`${folder}/hash-transport.map`]: transport,
      [`${folder}/hash-transport.map.db`]: "",
    },
    ...more,
  };
}

const verifyDomain = gateway(fixture("verify-a-domain.map"));

test("CipherMail (a), verify for a domain: the page's line is never used for mail to the domain, and check says so", () => {
  const compiled = compile(verifyDomain);
  assert.equal(ruleFor(compiled, "u@example.com").level.value, "may");
  const [note] = compiled.notes.filter(({ text }) => text.startsWith("this line is not used"));
  assert.deepEqual([note?.kind, note?.file, note?.line], ["warning", "/etc/postfix/maps.d/hash-tls-policy.map", 1]);
  assert.equal(note?.remedy, 'write "example.com verify"');
});

test("CipherMail (a): with the line that check gives, the certificate is verified", () => {
  const compiled = compile(gateway("example.com verify\n"));
  const rule = ruleFor(compiled, "u@example.com");
  assert.equal(rule.level.value, "verify");
  assert.deepEqual(rule.match?.value, [{ kind: "hostname" }]);
  assert.deepEqual([rule.level.from.file, rule.level.from.line], ["/etc/postfix/maps.d/hash-tls-policy.map", 1]);
  assert.deepEqual(notesOf(compiled, "error"), []);
});

test("CipherMail (b), as pasted from the page: mail to ciphermail.com waits, and check names the words at fault", () => {
  const compiled = compile(gateway(fixture("verify-by-transport.map"), maps, fixture("transport.map")));
  assert.equal(deliver(compiled, "info@ciphermail.com"), "deferred 4.7.5 client TLS configuration problem");
  assert.match(notesOf(compiled, "warning").join("\n"), /malformed attribute\/value pair "\[tls\.example\.com\]"/);
});

test("CipherMail (b), as two lines: as the page says, for both domains", () => {
  const compiled = compile(gateway(fixture("verify-by-transport-two-lines.map"), maps, fixture("transport.map")));
  assert.equal(deliver(compiled, "info@other.com"), "sent Verified verify tls.example.com");
  assert.equal(deliver(compiled, "info@ciphermail.com"), "deferred 4.7.5 Server certificate not verified");
  assert.equal(ruleFor(compiled, "info@other.com").level.from.line, 2);
});

test("CipherMail (b): without the transport rule the bracketed line is dead", () => {
  const compiled = compile(gateway("[tls.example.com] verify match=alternative.com\n"));
  assert.match(notesOf(compiled, "warning").join("\n"), /no transport leads to "\[tls\.example\.com\]"/);
});

const enforced = fixture("main.cf").replace("smtp_tls_security_level = may", "smtp_tls_security_level = encrypt");

test("CipherMail (c), enforce all: the exception holds for exactly the next-hop of the back end", () => {
  const transport = "back.example smtp:[127.0.0.1]:10025\nother.example smtp:[127.0.0.1]\n";
  const world = gateway(fixture("enforce-all.map"), maps, transport);
  const compiled = compile({ ...world, wholeMain: `${enforced}${maps}` });
  assert.equal(deliver(compiled, "u@back.example"), "sent in clear none 127.0.0.1");
  const offered = "deferred 4.7.4 TLS is required, but was not offered by host";
  assert.equal(deliver(compiled, "u@other.example"), `${offered} 127.0.0.1`);
  assert.equal(deliver(compiled, "u@nostarttls.test"), `${offered} mx.nostarttls.test`);
  const dead = notesOf(compiled, "warning").filter((text) => text.includes("not used"));
  assert.deepEqual(dead, []);
});

test("CipherMail (c), as pasted from the page: the setting stands in a comment, and check says so", () => {
  const pasted = fixture("policy-maps-as-pasted.cf");
  const world = gateway(fixture("enforce-all.map"), pasted, "back.example smtp:[127.0.0.1]:10025\n");
  const compiled = compile({ ...world, wholeMain: `${enforced}${pasted}` });
  assert.match(deliver(compiled, "u@back.example"), /^deferred 4\.7\.4 /);
  assert.match(notesOf(compiled, "warning").join("\n"), /"smtp_tls_policy_maps" stands in a comment/);
});

test("CipherMail: a folder that nothing defines is asked for, not guessed", () => {
  const text = fixture("main.cf")
    .replace(/^maps_d_dir.*\n/m, "")
    .replace(/^transport_maps.*\n/m, "");
  const world = { ...gateway("example.com verify\n"), wholeMain: `${text}${maps}` };
  const compiled = compile(world);
  assert.match(notesOf(compiled, "error").join("\n"), /smtp_tls_policy_maps uses \$maps_d_dir, which nothing defines/);
  assert.equal(deliver(compiled, "u@good.test"), "deferred 4.7.5 client TLS configuration problem");
  const given = compile({ ...world, defines: { maps_d_dir: "/etc/postfix/maps.d" } });
  assert.deepEqual(notesOf(given, "error"), []);
  assert.equal(ruleFor(given, "u@example.com").level.value, "verify");
});

test("CipherMail: an external relay host makes every domain line dead, and check says so", () => {
  const compiled = compile(gateway("example.com verify\n", `${maps}relayhost = [relay.example.net]:25\n`));
  assert.equal(ruleFor(compiled, "u@example.com").level.value, "may");
  const [note] = compiled.notes.filter(({ text }) => text.startsWith("this line is not used"));
  assert.match(note?.text ?? "", /"relayhost = \[relay\.example\.net\]:25" sends all mail there/);
  assert.equal(note?.remedy, 'write "[relay.example.net]:25 verify"');
});

test("CipherMail: every line of main.cf has a note", () => {
  const compiled = compile(verifyDomain);
  const lines = compiled.notes.filter(({ file }) => file === "/etc/postfix/main.cf").map(({ line }) => line);
  const written = `${fixture("main.cf")}${maps}`
    .split("\n")
    .flatMap((text, index) => (/^[a-z]/.test(text) ? [index + 1] : []));
  assert.deepEqual(
    [...new Set(lines)].toSorted((one, other) => one - other),
    written,
  );
});

test("CipherMail: check says which settings use the folder, and that one which nothing here uses has no effect", () => {
  const compiled = compile({
    ...verifyDomain,
    wholeMain: `${verifyDomain.wholeMain}ours = x\nalias_maps = hash:/$ours\n`,
  });
  const said = [...notesOf(compiled, "applied"), ...notesOf(compiled, "no-effect")].join("\n");
  assert.match(said, /maps_d_dir: used by transport_maps, smtp_tls_policy_maps$/m);
  assert.match(said, /ours: used by alias_maps, which is not about TLS/);
});
