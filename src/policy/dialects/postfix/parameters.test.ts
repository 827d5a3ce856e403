import assert from "node:assert/strict";
import { test } from "node:test";
import { knownParameters } from "./known-parameters.ts";
import { defaultOf, isKnownParameter, optionTable, parameterEntry } from "./parameters.ts";

test("postfix option table: each name once per scope, with a reason", () => {
  const names = optionTable.map(({ scopes, name }) => `${scopes} ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    optionTable.filter(({ reason, values }) => reason === "" || values === ""),
    [],
  );
});

test("postfix option table: every TLS parameter that Postfix has is in it", () => {
  const about = [...knownParameters.keys()].filter((name) => /^(?:smtpd?|lmtp)_.*tls|^tls_/.test(name));
  assert.ok(about.length > 120);
  const others = /sasl|^tlsproxy/;
  assert.deepEqual(
    about.filter((name) => parameterEntry(name) === undefined && !others.test(name)),
    [],
  );
});

test("postfix option table: every parameter in it is one that Postfix has", () => {
  const parameters = optionTable.filter(({ scopes }) => scopes !== "TLS policy table").map(({ name }) => name);
  assert.deepEqual(
    parameters.filter((name) => !isKnownParameter(name, new Set())),
    [],
  );
});

test("postfix parameters: defaults, and names made of a service", () => {
  assert.equal(defaultOf("smtp_tls_secure_cert_match"), "nexthop, dot-nexthop");
  assert.equal(defaultOf("maps_d_dir"), "");
  assert.ok(isKnownParameter("slow_destination_concurrency_limit", new Set(["slow"])));
  assert.ok(!isKnownParameter("slow_destination_concurrency_limit", new Set()));
});
