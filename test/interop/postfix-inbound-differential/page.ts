/**
 * The half of `docs/dialects/postfix-differences.md` that is about clients, as it stands there; run by itself, as it must
 * stand there.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { differences } from "./differences.ts";

const page = path.join(import.meta.dirname, "../../../docs/dialects/postfix-differences.md");

/** Where mail that leaves ends, and clients begin. */
const heading = "# Clients: where Letterlock differs from Postfix's smtpd";

/** One line each, title first. */
export function inboundSections(): readonly string[] {
  const [, inbound = ""] = readFileSync(page, "utf8").split(`${heading}\n`);
  return sectionsOf(inbound);
}

/** Of the half about mail that leaves. */
export function outboundSections(): readonly string[] {
  const [outbound = ""] = readFileSync(page, "utf8").split(`${heading}\n`);
  return sectionsOf(outbound);
}

function sectionsOf(text: string): readonly string[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => section.trim().replace(/\s+/g, " "));
}

if (import.meta.main) {
  const [outbound = "", rest = ""] = readFileSync(page, "utf8").split(`${heading}\n`);
  const [introduction = ""] = rest.split("## ");
  const sections = differences.map(({ id, text }) => `## ${id}\n\n${text}\n`).join("\n");
  process.stdout.write(`${outbound}${heading}\n${introduction}${sections}`);
}
