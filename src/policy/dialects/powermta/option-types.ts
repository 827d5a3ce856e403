/**
 * What the table of directives says of each (`options.ts`).
 */
import type { OptionStatus } from "../dialect.ts";

/** How a value is checked before anything uses it. `any` is not looked at. */
export type ValueKind =
  | "any"
  | "boolean"
  | "text"
  | "word"
  | "file"
  | "file-password"
  | "ciphers"
  | "suites"
  | "source-host"
  | "hosts"
  | "port"
  | "listener"
  | "macro";

export type PowerMtaOption = Readonly<{
  name: string;
  status: OptionStatus;
  kind: ValueKind;
  /** As an operator writes it. */
  values: string;
  default: string;
  scopes: readonly string[];
  /** What becomes of it here, in a sentence. */
  reason: string;
}>;
