import assert from "node:assert/strict";
import { test } from "node:test";
import type { BindingRule } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import { parseCidr } from "../mail/ip.ts";
import { parseMailbox } from "../smtp/path.ts";
import { type BindingQuestion, chooseBinding, headersWanted } from "./choose-binding.ts";

function rule(change: Partial<BindingRule>): BindingRule {
  return { listener: undefined, clients: undefined, senderDomain: undefined, binding: "rule", ...change };
}

function cidrs(text: string) {
  return [parseCidr(text) ?? assert.fail(text)];
}

const settings = {
  bindingHeader: "x-binding",
  bindingChoosers: [],
  bindings: new Map(["default", "rule", "vip", "net", "both", "top"].map((name) => [name, {} as never])),
  defaultBinding: "default",
  relayNetworks: cidrs("192.0.2.0/24"),
  bindingRules: [
    rule({ listener: "submission", clients: cidrs("198.51.100.0/24"), binding: "both" }),
    rule({ clients: cidrs("203.0.113.0/24"), binding: "net" }),
    rule({ senderDomain: parseDomainPattern("vip.example"), binding: "vip" }),
    rule({ senderDomain: parseDomainPattern(".vip.example"), binding: "rule" }),
    rule({ listener: "any", senderDomain: parseDomainPattern("*"), binding: "top" }),
  ],
};

const rows: readonly [name: string, change: Partial<BindingQuestion & { header: string }>, want: string][] = [
  ["nothing fits", {}, "default default"],
  ["client network", { client: "203.0.113.9" as IpAddress }, "net rule"],
  ["two conditions, one holds", { client: "198.51.100.9" as IpAddress }, "default default"],
  ["two conditions hold", { client: "198.51.100.9" as IpAddress, listener: "submission" }, "both rule"],
  ["sender domain", { sender: parseMailbox("a@VIP.example") }, "vip rule"],
  ["below the sender domain", { sender: parseMailbox("a@x.vip.example") }, "rule rule"],
  ["the null sender has no domain", { sender: undefined }, "default default"],
  ["but * fits it", { sender: undefined, listener: "any" }, "top rule"],
  ["the header, from our networks", { header: " vip " }, "vip header"],
  ["the header goes before rules", { header: "vip", listener: "any" }, "vip header"],
  [
    "the header of a stranger is not believed",
    { header: "vip", client: "198.51.100.9" as IpAddress },
    "default default",
  ],
  ["an unknown header, and a rule", { header: "none", listener: "any" }, "top unknown-header"],
  ["an unknown header alone", { header: "none" }, "default unknown-header"],
];
const ofUser = { user: "alice", allowed: ["vip", "net"] };
const outside = "198.51.100.9" as IpAddress;
const userRows: typeof rows = [
  ["a user's first binding where nothing chooses", ofUser, "vip user"],
  ["a user's own header, from anywhere", { ...ofUser, client: outside, header: "net" }, "net header"],
  ["somebody else's binding in a user's header", { ...ofUser, client: outside, header: "top" }, "vip user"],
  ["the same from our networks", { ...ofUser, header: "top" }, "vip user"],
  ["a rule that chooses one of his", { ...ofUser, client: "203.0.113.9" as IpAddress }, "net rule"],
  ["a rule that chooses another", { ...ofUser, listener: "any" }, "vip user"],
  ["a binding of his that is gone", { user: "alice", allowed: ["gone", "net"] }, "net user"],
  [
    "none that exists",
    { user: "alice", allowed: ["gone"] },
    "none of the bindings of this account exists here, try again later",
  ],
  ["none at all", { user: "alice", allowed: [] }, "none of the bindings of this account exists here, try again later"],
  ["a user who may send as any", { user: "alice", client: outside, header: "net" }, "default default"],
];
for (const [name, change, want] of [...rows, ...userRows]) {
  test(`chooseBinding: ${name}`, () => {
    const plainest: BindingQuestion = {
      listener: "main",
      client: "192.0.2.9" as IpAddress,
      sender: parseMailbox("a@else.example"),
      user: undefined,
      recipients: [],
      headers: new Map(change.header === undefined ? [] : [["x-binding", change.header]]),
    };
    const choice = chooseBinding({ ...plainest, ...change }, settings, new Map());
    assert.equal(choice.kind === "binding" ? `${choice.binding} ${choice.why}` : choice.text, want);
  });
}

test("chooseBinding: the members of a group take turns, after our own rules and before the default", () => {
  const group = { kind: "group" as const, name: "pool", members: ["a", "b"] };
  const chooser = { headersWanted: () => new Map(), choose: () => group };
  const turns = new Map();
  const ask = (client: string) =>
    chooseBinding(
      {
        listener: "main",
        client: client as IpAddress,
        user: undefined,
        sender: undefined,
        recipients: [],
        headers: new Map(),
      },
      { ...settings, bindingChoosers: [chooser] },
      turns,
    );
  const chosen = ["192.0.2.9", "192.0.2.9", "203.0.113.9", "192.0.2.9"].map(ask);
  assert.deepEqual(
    chosen.map((choice) => choice.kind === "binding" && `${choice.binding} ${choice.why}`),
    ["a source", "b source", "net rule", "a source"],
  );
});

test("chooseBinding: a configuration may refuse the mail", () => {
  const reject = { kind: "reject" as const, status: "5.7.1" as const, text: "no such virtual MTA" };
  const chooser = { headersWanted: () => new Map([["x-virtual-mta", "keep" as const]]), choose: () => reject };
  const both = { ...settings, bindingChoosers: [chooser] };
  const question = {
    listener: "main",
    client: "192.0.2.9" as IpAddress,
    user: undefined,
    sender: undefined,
    recipients: [],
    headers: new Map(),
  };
  assert.deepEqual(chooseBinding(question, both, new Map()), reject);
  assert.deepEqual(
    [...headersWanted(question, both)],
    [
      ["x-virtual-mta", "keep"],
      ["x-binding", "remove"],
    ],
  );
});
