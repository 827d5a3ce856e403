/**
 * Lines of the sample records as Postfix would write them, for tests: `program: text`.
 */
import type { AttemptFailure, AttemptRecord, AttemptTls } from "../../mail/attempt.ts";
import { sampleFailure, sampleTls } from "../../mail/attempt-sample.ts";
import { attempt } from "../../observe/event-sample.ts";
import type { LetterlockEvent } from "../../observe/events.ts";
import type { LogRenderer } from "../log-renderer.ts";
import { createPostfixRenderer, type PostfixFormat } from "./postfix-renderer.ts";

export function openRenderer(change: Partial<PostfixFormat> = {}): LogRenderer {
  return createPostfixRenderer({
    kind: "postfix",
    name: "postfix",
    tlsField: false,
    outboundTlsLevel: 1,
    inboundTlsLevel: 1,
    ...change,
  });
}

/** @param at ms since 1970 */
export function linesOf(event: LetterlockEvent, renderer = openRenderer(), at = 0): readonly string[] {
  return renderer.lines(event, at).map(({ program, text }) => `${program}: ${text}`);
}

export function overTls(change: Partial<AttemptTls>): Partial<AttemptRecord> {
  return { tls: { ...sampleTls, ...change } };
}

/** Deferred for this reason, unless `record` says otherwise. */
export function failed(change: Partial<AttemptFailure>, record: Partial<AttemptRecord> = {}): LetterlockEvent {
  return attempt({
    event: "deferred",
    reply: null,
    status: "4.0.0",
    tls: null,
    ...record,
    failure: { ...sampleFailure, ...change },
  });
}
