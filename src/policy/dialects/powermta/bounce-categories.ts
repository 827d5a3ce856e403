/**
 * The categories of bounces where a configuration has no patterns of its own: our patterns, PowerMTA's seventeen
 * categories (reference, section 3.6). What a host says in words goes before its status code, since many say `5.0.0` or
 * `5.7.1` to everything; the words are looked for in the order of this table.
 */

type Rule = readonly [pattern: RegExp, category: string];

const whom = "(?:user|mailbox|recipient|rcpt|account|address|addressee|alias|customer)";

const rules: readonly Rule[] = [
  [/^2\./, "success"],
  [/^[45]\.4\.7;/, "message-expired"],
  [/\b(?:virus|malware|trojan|phish(?:ing)?)\b/i, "virus-related"],
  [/spam\b|\bspam|\bjunk\b|\bunsolicited\b|\bbulk mail\b/i, "spam-related"],
  [/black-?list|block-?list|\b[a-z]*rbls?\b|\bdnsbl\b|\bbarracuda|\bsenderscore|\bblocked\b/i, "spam-related"],
  [/\bquota\b|\bmailbox (?:is )?full\b|\bover ?quota\b|\binsufficient storage\b|\bstorage limit\b/i, "quota-issues"],
  [
    /\bsender(?:'s)? (?:address|domain|verif)|\bverify sender\b|\benvelope sender\b|\bmail from .{0,40}domain\b/i,
    "invalid-sender",
  ],
  [
    new RegExp(
      `\\b${whom}\\b.{0,60}\\b(?:disabled|inactive|expired|suspended|deactivated|not activated|locked)\\b`,
      "i",
    ),
    "inactive-mailbox",
  ],
  [new RegExp(`\\b(?:disabled|inactive|suspended|deactivated) ${whom}\\b`, "i"), "inactive-mailbox"],
  [/\brelay(?:ing)?\b/i, "relaying-issues"],
  [/\bdomain\b.{0,40}\b(?:not found|unknown|invalid|does not exist|no longer|obsolete|retired)\b/i, "bad-domain"],
  [/\b(?:unknown|invalid|no such|bad|nonexistent) (?:domain|host)\b/i, "bad-domain"],
  [
    new RegExp(`\\b(?:unknown|invalid|no such|bad|illegal|nonexistent|undeliverable) (?:local )?${whom}\\b`, "i"),
    "bad-mailbox",
  ],
  [
    new RegExp(
      `\\b${whom}\\b.{0,80}\\b(?:unknown|invalid|not found|not known|not exist|doesn't exist|not here|no longer)\\b`,
      "i",
    ),
    "bad-mailbox",
  ],
  [/\bno mailbox\b|\bnot our customer\b|\bno longer (?:valid|available|here|employed)\b/i, "bad-mailbox"],
  [
    /\bcontent\b.{0,40}\b(?:reject|refus|denied|not allowed)|\b(?:message|header|attachment) (?:too (?:large|big)|size)\b/i,
    "content-related",
  ],
  [/\bsyntax error\b|\bbad sequence\b|\bcommand (?:not (?:recognized|implemented)|unrecognized)\b/i, "protocol-errors"],
  [/\bunrout[e]?able\b|\bno route\b|\brouting loop\b|\btoo many hops\b|\bmail loop\b/i, "routing-errors"],
  [/^[45]\.1\.(?:1|3|4|6);/, "bad-mailbox"],
  [/^[45]\.1\.(?:2|10);/, "bad-domain"],
  [/^[45]\.1\.(?:7|8);/, "invalid-sender"],
  [/^[45]\.2\.(?:0|4);/, "bad-mailbox"],
  [/^[45]\.2\.1;/, "inactive-mailbox"],
  [/^[45]\.2\.2;/, "quota-issues"],
  [/^[45]\.(?:2\.3|3\.3|3\.4|6\.\d+|7\.7);/, "content-related"],
  [/^[45]\.3\.5;/, "bad-configuration"],
  [/^[45]\.4\.1;/, "no-answer-from-host"],
  [/^[45]\.4\.2;/, "bad-connection"],
  [/^[45]\.4\.(?:3|4|6);/, "routing-errors"],
  [/^[45]\.(?:5\.3|7\.[012]|7\.2\d);/, "policy-related"],
  [/^[45]\.5\.\d+;/, "protocol-errors"],
  [
    /\bdenied\b|\brejected\b|\brefused\b|\bprohibited\b|\bbanned\b|\bpolicy\b|\bnot (?:allowed|permitted|accepted)\b/i,
    "policy-related",
  ],
  [/;552[ -]/, "quota-issues"],
  [/;50[0-4][ -]/, "protocol-errors"],
];

/** @param text `5.1.1;smtp;550 5.1.1 no such user` */
export function shippedCategory(text: string): string {
  return rules.find(([pattern]) => pattern.test(text))?.[1] ?? "other";
}
