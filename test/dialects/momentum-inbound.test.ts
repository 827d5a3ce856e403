/**
 * The numbered cases of the Momentum reference that are about listeners: what `source.inbound` says of a client.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNote, compile, errors, inboundFor, issued, ruleFor } from "./momentum/lab.ts";

const listen = (extensions: string, more = ""): string =>
  `ESMTP_Listener { Listen ":25" { TLS_Certificate = "c.pem" TLS_Key = "k.pem" SMTP_Extensions = ( ${extensions} ) ${more} } }`;
const offering = (more: string): string => listen('"ENHANCEDSTATUSCODES" "STARTTLS"', more);

test("momentum 45: STARTTLS that is not in smtp_extensions is not offered", () => {
  assert.equal(inboundFor(compile(listen('"ENHANCEDSTATUSCODES"')), "192.0.2.7")?.starttls?.value, "never");
});

test("momentum 46: in the list, it is offered with the listener's certificate", () => {
  const rule = inboundFor(compile(offering("")), "192.0.2.7");
  assert.equal(rule?.starttls?.value, "offer");
  assert.equal(rule?.certificates?.value.default.credentials[0].certificateChain, issued.chainPem);
  assert.equal(rule?.implicitTls?.value, false);
});

test("momentum 47: what is pipelined behind STARTTLS is rejected by default", () => {
  assert.equal(inboundFor(compile(offering("")), "192.0.2.7")?.pipelined?.value, "reject");
});

test("momentum 48: starttls_injection_policy = ignore throws it away; allow is never followed", () => {
  const ignoring = compile(offering('starttls_injection_policy = "ignore"'));
  assert.equal(inboundFor(ignoring, "192.0.2.7")?.pipelined?.value, "discard");
  const allowing = compile(offering('starttls_injection_policy = "allow"'));
  assert.equal(inboundFor(allowing, "192.0.2.7")?.pipelined?.value, "reject");
  assertNote(allowing, "differs", 1, /allow is read as reject/);
});

const requiring = offering('tls_verify_mode = "require" tls_client_ca = "A.pem"');

for (const [id, what] of [
  ["49", "a certificate of another CA does not end the session"],
  ["50", "one must be shown"],
] as const) {
  test(`momentum ${id}: tls_verify_mode = require: ${what}`, () => {
    const rule = inboundFor(compile(requiring), "192.0.2.7");
    assert.equal(rule?.clientCertificate?.value, "require");
    assert.equal(rule?.clientAnchors?.value.kind, "bundle");
  });
}

test("momentum 51: tls_verify_mode = require does not require TLS, and check says so", () => {
  const compiled = compile(requiring);
  assert.equal(inboundFor(compiled, "192.0.2.7")?.starttls?.value, "offer");
  assertNote(compiled, "warning", 1, /does not require TLS/);
});

test("momentum 52: tls_verified_peer_can_relay, mode unset: a trusted certificate suffices (our reading)", () => {
  const rule = inboundFor(compile(offering('tls_client_ca = "A.pem" tls_verified_peer_can_relay = true')), "192.0.2.7");
  assert.equal(rule?.clientCertificate?.value, "ask");
  assert.deepEqual(rule?.relayByCertificate?.value, { kind: "trusted" });
});

test("momentum 52: without tls_client_ca nobody is trusted", () => {
  const rule = inboundFor(compile(offering("tls_verified_peer_can_relay = true")), "192.0.2.7");
  assert.deepEqual(rule?.clientAnchors?.value, { kind: "bundle", id: "none", pem: [], files: [] });
});

test("momentum 53: use_ssl and STARTTLS on one listener (our reading: an error at load)", () => {
  const compiled = compile(offering("Use_SSL = true").replace(":25", ":465"));
  assert.deepEqual(errors(compiled), ["1: use_ssl and STARTTLS exclude each other on one listener"]);
});

test("momentum 54: a peer in the listen before one in the listener, the narrowest block first", () => {
  const compiled = compile(`tls_certificate = "s.pem"
  ESMTP_Listener {
    Peer "10.0.0.0/8" { SMTP_Extensions = ( "STARTTLS" ) }
    Listen ":25" { Peer "10.1.2.3" { SMTP_Extensions = ( "ENHANCEDSTATUSCODES" ) } }
  }`);
  assert.equal(inboundFor(compiled, "10.1.2.3")?.starttls?.value, "never");
  assert.equal(inboundFor(compiled, "10.9.9.9")?.starttls?.value, "offer");
  assert.equal(inboundFor(compiled, "192.0.2.1")?.starttls?.value, "never");
});

test("momentum 60: a certificate at the top serves both directions, and check says so", () => {
  const compiled = compile(`tls_certificate = "s.pem"
  tls = "ifavailable"
  ESMTP_Listener { smtp_extensions = ( STARTTLS ) Listen ":25" {} }`);
  assert.equal(
    inboundFor(compiled, "192.0.2.7")?.certificates?.value.default.credentials[0].certificateChain,
    issued.chainPem,
  );
  const sent = ruleFor(compiled).clientCertificate?.value;
  assert.equal(sent !== undefined && sent !== "none" && sent.certificateChain, issued.chainPem);
  assertNote(compiled, "warning", 1, /both directions/);
});

test("momentum 61: a listener's option in a pathway_group is not recognised", () => {
  const compiled = compile(`pathway_group "pg" {
    starttls_injection_policy = "ignore"
    pathway "p" { tls_verify_mode = "none" }
  }
  ESMTP_Listener { Pathway = "p" Listen ":25" {} }`);
  const rule = inboundFor(compiled, "192.0.2.7");
  assert.equal(rule?.pipelined?.value, "reject");
  assert.equal(rule?.clientCertificate?.value, "do-not-ask");
  assertNote(compiled, "warning", 2, /not recognised in a pathway_group/);
});
