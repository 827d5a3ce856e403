/**
 * What became of one recipient in one attempt.
 */

/** RFC 3463 status: `2.0.0`, `4.7.5` ... The class says whether to try again. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`;

export type Outcome =
  | Readonly<{ kind: "delivered"; status: EnhancedStatus; text: string }>
  /** Try again later. */
  | Readonly<{ kind: "deferred"; status: EnhancedStatus; text: string }>
  /** Never try again: a DSN is due unless NOTIFY or a null sender forbids it. */
  | Readonly<{ kind: "failed"; status: EnhancedStatus; text: string }>;
