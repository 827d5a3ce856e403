/**
 * Directives that say who may connect, and who may send to anywhere (reference, section 4.1).
 */
import type { PowerMtaOption } from "./option-types.ts";

export const admissionOptions: readonly PowerMtaOption[] = [
  {
    name: "smtp-service",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "yes",
    scopes: ["source"],
    reason: "`no`: nothing is taken from these clients (521).",
  },
  {
    name: "always-allow-relaying",
    status: "applied",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["source", "global"],
    reason: "`yes`: these clients, or these users, may send to anywhere, as those of `relay-networks` may.",
  },
  {
    name: "relay-domain",
    status: "applied",
    kind: "word",
    values: "DOMAIN, repeatable",
    default: "each host-name",
    scopes: ["global"],
    reason: "Every client may send to it.",
  },
  {
    name: "relay-address",
    status: "differs",
    kind: "any",
    values: "ADDRESS, repeatable",
    default: "none",
    scopes: ["global"],
    reason: "Single recipients are not let in: who may not relay can send to domains of ours alone.",
  },
  {
    name: "relay-debug",
    status: "differs",
    kind: "boolean",
    values: "yes|no",
    default: "no",
    scopes: ["global"],
    reason: "Who may not relay is refused for good (550), and not asked to come back.",
  },
];
