/**
 * The dialects by name, for whoever reads sources that an operator lists: what each is given, and who compiles it.
 */
import type { Compiled, SourceFiles } from "./dialect.ts";
import { compileMomentum, type MomentumOptions } from "./momentum/compile.ts";
import { compilePostfix, type PostfixOptions } from "./postfix/compile.ts";
import { compilePowerMta, type PowerMtaOptions } from "./powermta/compile.ts";
import { compileSendmail, type SendmailOptions } from "./sendmail/compile.ts";

export const systems = ["postfix", "sendmail", "momentum", "powermta"] as const;
/** A mail server whose configuration is read as it is. */
export type System = (typeof systems)[number];

/** Paths are absolute. */
export type DialectSource =
  | Readonly<{ system: "postfix"; options: PostfixOptions }>
  | Readonly<{ system: "sendmail"; options: SendmailOptions }>
  | Readonly<{ system: "momentum"; options: MomentumOptions }>
  | Readonly<{ system: "powermta"; options: PowerMtaOptions }>;

export type CompileDialect = (source: DialectSource, files: SourceFiles) => Compiled;

export const compileDialect: CompileDialect = (source, files) => {
  switch (source.system) {
    case "postfix":
      return compilePostfix(source.options, files);
    case "sendmail":
      return compileSendmail(source.options, files);
    case "momentum":
      return compileMomentum(source.options, files);
    case "powermta":
      return compilePowerMta(source.options, files);
  }
};
