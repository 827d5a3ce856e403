/**
 * What tests of logs stand on: a folder, a sink to a real target with everything that it told.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { createTarget, type LogPlace, targetText } from "../../src/logs/sinks/create-target.ts";
import { LineSink, type LineSinkOptions } from "../../src/logs/sinks/line-sink.ts";
import { type Clock, systemClock } from "../../src/mail/clock.ts";
import type { LogTarget } from "../../src/mail/log-definition.ts";
import type { LetterlockEvent } from "../../src/observe/events.ts";

export async function sampleFolder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "logs-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Waits a twentieth of what it is asked to. */
export const quickClock: Clock = { now: systemClock.now, after: (ms, run) => systemClock.after(ms / 20, run) };

/** Events of a log, as short words. */
export function toldIn(events: readonly LetterlockEvent[]): string[] {
  return events.map((event) => {
    switch (event.kind) {
      case "log-trouble":
        return `trouble: ${event.error}`;
      case "log-recovered":
        return `recovered, lost ${event.lost}`;
      case "log-lines-lost":
        return `lost ${event.lines}`;
      case "trouble":
        return `told: ${event.error}`;
      default:
        return event.kind;
    }
  });
}

export type SampleSink = Readonly<{ sink: LineSink; events: LetterlockEvent[] }>;

export function sampleSink(
  createTargetOf: LineSinkOptions["createTarget"],
  { clock = systemClock, target = "the target" }: Readonly<{ clock?: Clock; target?: string }> = {},
): SampleSink {
  const events: LetterlockEvent[] = [];
  const observe = (event: LetterlockEvent): void => void events.push(event);
  return { sink: new LineSink({ log: "logs.sample", target, clock, observe, createTarget: createTargetOf }), events };
}

/** @param head with its line end */
export function sinkTo(
  target: LogTarget,
  place: Partial<LogPlace> & Pick<LogPlace, "folder">,
  { head, clock = systemClock }: Readonly<{ head?: string; clock?: Clock }> = {},
): SampleSink {
  const whole = { worker: 0, workers: 1, ...place };
  return sampleSink((tools) => createTarget(target, head, whole, tools), { clock, target: targetText(target) });
}

/** Looks again until it is so; for what another process does. */
export async function eventually(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
