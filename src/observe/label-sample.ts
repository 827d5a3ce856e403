/**
 * Whose session it is, in tests that tell of one.
 */
import type { SessionLabel } from "./events.ts";

export const sampleLabel: SessionLabel = {
  session: "01KD8W7F2Q",
  listener: "smtp",
  client: "192.0.2.9",
  clientPort: 4000,
  clientName: null,
};
