/**
 * A template as one writes it, such that our reader makes the same of it.
 */
import type { Template, TemplatePart } from "../../mail/log-template.ts";

export function writeTemplate(template: Template): string {
  return template
    .map((part, at) => (part.kind === "text" ? writeText(part.text) : writeMacro(part, template[at + 1])))
    .join("");
}

function writeText(text: string): string {
  return text.replaceAll("%", "%%");
}

/** In braces where its name would run on into what follows. */
function writeMacro(
  { name, argument }: Extract<TemplatePart, { kind: "macro" }>,
  next: TemplatePart | undefined,
): string {
  const runsOn = argument === undefined && next?.kind === "text" && /^[A-Za-z_:{]/.test(next.text);
  if (runsOn) return `%{${name}}`;
  return argument === undefined ? `%${name}` : `%${name}{${argument}}`;
}
