/**
 * `-`: the standard output that all processes of the relay share. Never rotated, never closed.
 */
import type { LineTarget, TargetTools } from "./line-target.ts";
import { pipePiece, writePatiently } from "./slow-reader.ts";

export class StandardOutput implements LineTarget {
  readonly #tools: TargetTools;
  readonly batchSize = pipePiece;

  constructor(tools: TargetTools) {
    this.#tools = tools;
  }

  async open(): Promise<void> {}

  async append(lines: readonly string[]): Promise<number> {
    await writePatiently(1, Buffer.from(lines.join(""), "utf8"), this.#tools.clock);
    return lines.length;
  }

  retryMs(): number {
    return 100;
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {}
}
