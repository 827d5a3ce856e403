import assert from "node:assert/strict";
import { test } from "node:test";
import type { BindingRule } from "../config/settings.ts";
import type { IpAddress } from "../mail/address.ts";
import { parseDomainPattern } from "../mail/domain-pattern.ts";
import { parseCidr } from "../mail/ip.ts";
import { parseMailbox } from "../smtp/path.ts";
import { type BindingQuestion, chooseBinding } from "./choose-binding.ts";

function rule(change: Partial<BindingRule>): BindingRule {
  return { listener: undefined, clients: undefined, senderDomain: undefined, binding: "rule", ...change };
}

function cidrs(text: string) {
  return [parseCidr(text) ?? assert.fail(text)];
}

const settings = {
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

const rows: readonly [name: string, change: Partial<BindingQuestion>, want: string][] = [
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
for (const [name, change, want] of rows) {
  test(`chooseBinding: ${name}`, () => {
    const plainest: BindingQuestion = {
      listener: "main",
      client: "192.0.2.9" as IpAddress,
      sender: parseMailbox("a@else.example"),
      header: undefined,
    };
    const { binding, why } = chooseBinding({ ...plainest, ...change }, settings);
    assert.equal(`${binding} ${why}`, want);
  });
}
