/**
 * The twelve sequences that are nearly the end of data (standards.md section 1.1), for tests of smuggling.
 * `clean`: no bare CR or LF in it, so it is plain text to us. `lf`: bare LF only, which `normalize` takes.
 */
export type NearMiss = readonly [octets: string, kind: "clean" | "lf" | "cr"];

export const nearMisses: readonly NearMiss[] = [
  ["\n.\n", "lf"],
  ["\r.\r", "cr"],
  ["\r.\n", "cr"],
  ["\n.\r", "cr"],
  ["\n.\r\n", "lf"],
  ["\r\n.\n", "lf"],
  ["\r.\r\n", "cr"],
  ["\r\n.\r", "cr"],
  ["\r\n\0.\r\n", "clean"],
  ["\r\n.\0\r\n", "clean"],
  ["\r\n.\r\r\n", "cr"],
  ["\r\r\n.\r\r\n", "cr"],
];
