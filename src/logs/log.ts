/**
 * One log at work: events in, lines of its renderer into its sink. An exception of a renderer, which only a bug can make,
 * costs the line and never the mail: it is told once and counted.
 */
import { errorTrace } from "../mail/error-text.ts";
import type { LogDefinition } from "../mail/log-definition.ts";
import type { LetterlockEvent } from "../observe/events.ts";
import type { LogLine, LogRenderer, RendererTools } from "./log-renderer.ts";
import { mailLogLine } from "./mail-log-line.ts";
import type { LineSink } from "./sinks/line-sink.ts";
import type { LossCount } from "./sinks/loss-count.ts";
import { syslogMessage } from "./sinks/syslog-message.ts";

export type LogParts = Readonly<{
  definition: LogDefinition;
  renderer: LogRenderer;
  sink: LineSink;
  losses: LossCount;
  tools: RendererTools;
  /** Told of a bug. */
  tell: (error: string) => void;
}>;

export class Log {
  readonly sink: LineSink;
  definition: LogDefinition;
  /** Lines given to the sink. */
  written = 0;
  readonly #parts: LogParts;
  readonly #text: (line: LogLine) => string;
  #renderer: LogRenderer;
  #bugTold = false;

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.sink = parts.sink;
    this.definition = parts.definition;
    this.#renderer = parts.renderer;
    this.#text = lineText(parts);
  }

  /** A file gets everything sooner or later; whether anybody has what went elsewhere is not known. */
  get isFile(): boolean {
    const { kind } = this.definition.target;
    return kind === "file" || kind === "numbered-files";
  }

  get head(): string | undefined {
    return this.#renderer.head;
  }

  write(event: LetterlockEvent, now: number, mark: number): void {
    try {
      for (const line of this.#renderer.lines(event, now)) {
        this.sink.write(this.#text(line), mark);
        this.written += 1;
      }
    } catch (cause) {
      this.#parts.losses.add(1);
      if (!this.#bugTold) {
        this.#bugTold = true;
        this.#parts.tell(errorTrace(cause));
      }
    }
  }

  /** The same target in other words, under the same head. */
  speak(definition: LogDefinition, renderer: LogRenderer): void {
    this.definition = definition;
    this.#renderer = renderer;
  }
}

/** What stands before the words of a line, and its end: a syslog message has none. */
function lineText({ definition: { target }, renderer: { lineEnd }, tools }: LogParts): (line: LogLine) => string {
  if (target.kind === "syslog") return syslogMessage(target, tools);
  const text = mailLogLine(tools, target.kind === "file" && target.stamps === "iso" ? "iso" : "traditional");
  return (line) => text(line) + lineEnd;
}
