/**
 * Prints `docs/dialects/sendmail-differences.md` from the table that the test uses.
 */
import { inboundDifferences } from "../sendmail-inbound-differential/differences.ts";
import { differences } from "./differences.ts";

export function differencesPage(): string {
  const outbound = differences.map(entryOf);
  const inbound = inboundDifferences.map(entryOf);
  return `# Where Letterlock differs from Sendmail

Letterlock and Sendmail 8.18 are given the same access map and configuration and the same peers: by \`sendmail -bt\` on the
rulesets, and by real deliveries to hosts of every kind. Verdict, code, enhanced status and text must be the same, and who
takes the mail, in TLS or in clear. These are all the differences; a test fails on any other, and when one of these is gone.

${outbound.join("\n")}
# Mail that comes in

The same clients, with certificates and names of every kind, say the same to the real Sendmail daemon and to Letterlock,
under the same configurations: the same codes at the same commands, and where TLS, AUTH or a client that is turned away is
spoken of, the same status and words. Again these are all the differences.

${inbound.join("\n")}`;
}

function entryOf({ id, sentence }: Readonly<{ id: string; sentence: string }>): string {
  return `## ${id}\n\n${sentence}\n`;
}

if (import.meta.main) process.stdout.write(differencesPage());
