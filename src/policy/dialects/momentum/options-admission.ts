/**
 * Options that say who is let in, and who may send to anywhere (reference 2.8, 5.4).
 */
import { noWords, type OptionEntry, smtpScopes } from "./option-types.ts";
import * as is from "./values.ts";

const users = "Who may log in is in the users file of letterlock.yaml; no file of passwords of Momentum is read.";

const passwords = [
  "authloginparameters",
  "authplainparameters",
  "authcrammd5parameters",
  "authdigestmd5parameters",
].map(
  (name): OptionEntry => ({
    name,
    scopes: [...smtpScopes, "http_listener", "xmpp_listener"],
    values: "[ uri = ... ]",
    default: "none",
    status: "differs",
    reason: users,
    check: is.isDictionary,
  }),
);

export const admissionOptions: readonly OptionEntry[] = [
  {
    name: "relay_hosts",
    scopes: ["global", ...smtpScopes],
    values: "list of addresses and blocks",
    default: "none",
    status: "applied",
    reason: "These clients may send to anywhere, as those of relay-networks may.",
    check: is.isList,
  },
  {
    name: "open_relay",
    scopes: smtpScopes,
    values: "boolean",
    default: "false",
    status: "applied",
    reason: "true: every client of that scope may send to anywhere.",
    check: is.isBoolean,
  },
  {
    name: "relay_for_sending_domains",
    scopes: smtpScopes,
    values: "list of domains",
    default: "none",
    status: "differs",
    reason:
      "A sender's domain is no permission: anybody can write it. An empty list lets every client of that scope relay, as there.",
    check: is.isList,
  },
  {
    name: "relay_domains",
    scopes: ["global", "pathway", "pathway_group"],
    values: "list of domains, *.domain, *domain",
    default: "none",
    status: "applied",
    reason: "Every client may send to these. Only the list at the top counts; *domain is the domain and all below it.",
    check: is.isList,
  },
  {
    name: "always_deny",
    scopes: [...smtpScopes, "http_listener"],
    values: "boolean",
    default: "false",
    status: "applied",
    reason: "true: nothing is taken from these clients.",
    check: is.isBoolean,
  },
  {
    name: "always_allow",
    scopes: [...smtpScopes, "http_listener"],
    values: "boolean",
    default: "false",
    status: "differs",
    reason: "It opens nothing here: who may relay is said by relay_hosts, open_relay, a certificate or a log-in.",
    check: is.isBoolean,
    sameFor: noWords,
  },
  ...passwords,
];
