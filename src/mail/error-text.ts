/**
 * What was thrown, in words: anything may be, so it is asked before it is read.
 */

/** The message alone. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** With the stack, for what only a bug can do. */
export function errorTrace(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
