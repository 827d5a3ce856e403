/**
 * Prints `docs/dialects/sendmail-differences.md` from the table that the test uses.
 */
import { differences } from "./differences.ts";

export function differencesPage(): string {
  const entries = differences.map(({ id, sentence }) => `## ${id}\n\n${sentence}\n`);
  return `# Where Letterlock differs from Sendmail

Letterlock and Sendmail 8.18 are given the same access map and configuration and the same peers: by \`sendmail -bt\` on the
rulesets, and by real deliveries to hosts of every kind. Verdict, code, enhanced status and text must be the same, and who
takes the mail, in TLS or in clear. These are all the differences; a test fails on any other, and when one of these is gone.

${entries.join("\n")}`;
}

if (import.meta.main) process.stdout.write(differencesPage());
