/**
 * Options for what a domain publishes about itself: MTA-STS and DANE (reference 2.1, 2.7).
 */
import { noWords, type OptionEntry, outboundScopes } from "./option-types.ts";
import * as is from "./values.ts";

export const evidenceOptions: readonly OptionEntry[] = [
  {
    name: "use_mta_sts",
    scopes: ["global", "domain"],
    values: "boolean",
    default: "false",
    status: "differs",
    reason: "MTA-STS policies are not looked up yet: where this is true, the mail waits.",
    check: is.isBoolean,
    sameFor: noWords,
  },
  {
    name: "enable_mta_sts",
    scopes: outboundScopes,
    values: "boolean",
    default: "true where use_mta_sts is true",
    status: "applied",
    reason: "false: the domain's MTA-STS policy is not applied, so nothing waits for it.",
    check: is.isBoolean,
  },
  {
    name: "mta_sts_dns_cname_max_depth",
    scopes: ["global", "domain"],
    values: "number",
    default: "5",
    status: "no-effect",
    reason: "MTA-STS policies are not looked up yet.",
    check: is.isNumber,
  },
  {
    name: "mta_sts_policy_store",
    scopes: ["global"],
    values: "folder",
    default: "/var/spool/ecelerity/mtasts",
    status: "no-effect",
    reason: "Letterlock keeps what it knows in its own data folder.",
    check: is.isText,
  },
  {
    name: "use_dane",
    scopes: ["global", "domain"],
    values: "boolean",
    default: "false",
    status: "differs",
    reason: "TLSA records are not looked up yet: where this is true and dane {} is there, the mail waits.",
    check: is.isBoolean,
    sameFor: noWords,
  },
  {
    name: "enable_dane",
    scopes: outboundScopes,
    values: "boolean",
    default: "true where use_dane is true",
    status: "applied",
    reason: "false: TLSA records are not applied, so nothing waits for them.",
    check: is.isBoolean,
  },
  {
    name: "tlsa_expire_interval",
    scopes: ["global"],
    values: "seconds",
    default: "3600",
    status: "no-effect",
    reason: "TLSA records are not looked up yet.",
    check: is.isNumber,
  },
];
