/**
 * Lines in any words: the templates of custom_logger and of our own `logs:`, each made into a list of functions once.
 * As in Momentum, where every recipient has a message of its own, reception gives a line for each recipient.
 */
import type { AttemptRecord } from "../../mail/attempt.ts";
import { escapeText } from "../../mail/escape.ts";
import type { TemplateLog } from "../../mail/log-definition.ts";
import type { Template, TemplatePart } from "../../mail/log-template.ts";
import type { LogLine, LogRenderer } from "../log-renderer.ts";
import { noLines } from "../log-renderer.ts";
import { attemptValues } from "./attempt-values.ts";
import { inboundValues } from "./inbound-values.ts";
import { createSanitizer } from "./sanitizer.ts";
import { type Makers, nothing, type Print, simple } from "./value.ts";

export type TemplateTools = Readonly<{ hostname: string; pid: number }>;

export function createTemplateRenderer({ templates, sanitize }: TemplateLog, tools: TemplateTools): LogRenderer {
  const ofUs = { letterlock_host: simple(() => tools.hostname), letterlock_pid: simple(() => `${tools.pid}`) };
  const clean = createSanitizer(sanitize);
  const compile = <Source>(template: Template | undefined, makers: Makers<Source>): Print<Source> | undefined =>
    template === undefined ? undefined : compileTemplate(template, { ...makers, ...ofUs }, clean);
  const byAttempt: Readonly<Record<AttemptRecord["event"], Print<AttemptRecord> | undefined>> = {
    delivered: compile(templates.delivery, attemptValues),
    deferred: compile(templates["transient-failure"], attemptValues),
    failed: compile(templates["permanent-failure"], attemptValues),
    expired: compile(templates["permanent-failure"], attemptValues),
  };
  const reception = compile(templates.reception, inboundValues);
  const rejection = compile(templates.rejection, inboundValues);
  return {
    lineEnd: "\n",
    lines: (event) => {
      if (event.kind === "attempt") {
        const print = byAttempt[event.record.event];
        return print === undefined ? noLines : [lineOf(print, event.record, 0)];
      }
      if (event.kind !== "inbound") return noLines;
      if (event.record.event === "refused")
        return rejection === undefined ? noLines : [lineOf(rejection, event.record, 0)];
      return reception === undefined ? noLines : event.record.to.map((_, at) => lineOf(reception, event.record, at));
    },
  };
}

function lineOf<Source extends Readonly<{ time: string }>>(print: Print<Source>, record: Source, at: number): LogLine {
  const time = Date.parse(record.time);
  return { text: print(record, time, at), time };
}

/** Never made of what came from outside: they need no cleaning. */
const ofOurMaking: ReadonlySet<string> = new Set(["t", "T", "us", "N", "B", "S", "s", "c", "C", "p", "P", "PG"]);

function compileTemplate<Source>(
  template: Template,
  makers: Makers<Source>,
  clean: (text: string) => string,
): Print<Source> {
  const parts = template.map((part, index) => {
    const isLast = index === template.length - 1;
    return part.kind === "text" ? textOf(part.text, isLast) : printerFor(part, makers, clean);
  });
  return (record, ms, at) => {
    let line = "";
    for (const part of parts) line += typeof part === "string" ? part : part(record, ms, at);
    return line;
  };
}

/** Tabs may delimit fields; a line break at the end is left out, any other control character is shown. */
function textOf(text: string, isLast: boolean): string {
  const ended = isLast ? text.replace(/[\r\n]+$/, "") : text;
  return ended.replaceAll(/[^\t\P{C}]|[\u2028\u2029]/gu, (character) => escapeText(character));
}

function printerFor<Source>(
  { name, argument }: Extract<TemplatePart, { kind: "macro" }>,
  makers: Makers<Source>,
  clean: (text: string) => string,
): Print<Source> {
  const maker = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (maker === undefined) return nothing;
  const print = maker(argument);
  return ofOurMaking.has(name) ? print : (record, ms, at) => clean(print(record, ms, at));
}
