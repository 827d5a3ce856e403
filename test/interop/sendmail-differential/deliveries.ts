/**
 * Real deliveries by the real Sendmail: one process for each message, which tries once in the foreground, and what its
 * log says of each recipient.
 */
import assert from "node:assert/strict";
import type { Configuration, RealSendmail } from "./real-sendmail.ts";
import type { Syslog } from "./syslog.ts";

/** One recipient's. `text` is what the last ruleset that refused said, without its code, else Sendmail's `stat`. */
export type Delivery = Readonly<{
  recipient: string;
  result: "delivered" | "deferred" | "bounced";
  status: string;
  text: string;
}>;

export const sender = "sendmail@home.test";

export async function deliver(
  real: RealSendmail,
  syslog: Syslog,
  tag: string,
  { cf }: Configuration,
  recipients: readonly string[],
): Promise<readonly Delivery[]> {
  const options = ["-odi", "-oi", `-L${tag}`, "-N", "never", "-f", sender];
  const argv = ["/usr/sbin/sendmail-mta", `-C${cf}`, ...options, "--", ...recipients];
  const { stderr } = await real.namespace.runIn("sendmail", argv, "Subject: test\n\ntest\n");
  assert.equal(stderr, "");
  const lines = await syslog.all(tag, (said) => recipients.every((each) => lineOf(said, each) !== undefined));
  return recipients.map((recipient) => deliveryOf(recipient, lines));
}

type Fields = Readonly<{ dsn: string; stat: string }>;

/**
 * `QID: to=a@b,c@d, ctladdr=..., dsn=4.7.0, stat=Deferred: ...`, one for each MX host that was tried. An end is an end:
 * Sendmail logs a later host's failure for recipients, too, whose mail an earlier one has taken.
 */
function lineOf(lines: readonly string[], recipient: string): Fields | undefined {
  const own = lines.flatMap((line) => {
    const [, to, rest = ""] = /^\S+: to=(.*?), (?:ctladdr|delay)=(.*)$/.exec(line) ?? [];
    if (!to?.split(",").some((each) => each.replace(/^<(.*)>$/, "$1") === recipient)) return [];
    const [, dsn = "", stat = ""] = /dsn=([\d.]+), (?:reply=.*?, )?stat=(.*)$/.exec(rest) ?? [];
    return [{ dsn, stat }];
  });
  return own.find(({ dsn }) => !dsn.startsWith("4")) ?? own.at(-1);
}

function deliveryOf(recipient: string, lines: readonly string[]): Delivery {
  const found = lineOf(lines, recipient);
  assert.ok(found);
  const { dsn, stat } = found;
  const result = dsn.startsWith("2") ? "delivered" : dsn.startsWith("4") ? "deferred" : "bounced";
  return { recipient, result, status: dsn, text: refusalOf(lines, recipient) ?? stat.replace(/^Deferred: /, "") };
}

/** `ruleset=tls_server, arg1=NONE, relay=mx, reject=454 4.7.0 TEXT`; tls_rcpt has the recipient as its argument. */
function refusalOf(lines: readonly string[], recipient: string): string | undefined {
  const refusals = lines.flatMap((line) => {
    const [, ruleset, argument, text] = /ruleset=(tls_\w+), arg1=(.*?), relay=.*?, reject=(.*)$/.exec(line) ?? [];
    const ofOthers = ruleset === "tls_rcpt" && argument?.replace(/^<(.*)>$/, "$1") !== recipient;
    return text === undefined || ofOthers ? [] : [text];
  });
  return refusals.at(-1);
}
