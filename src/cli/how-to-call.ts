/**
 * How whoever started this program would call it again, for the hints that commands print.
 */

/** @param program the file as it was called, not resolved */
export function howToCall(program = process.argv[1] ?? ""): string {
  if (program.endsWith(".ts")) return "npm run -s letterlock --";
  return program.includes("/node_modules/.bin/") ? "npx letterlock" : "letterlock";
}
