#!/usr/bin/env node
/**
 * The program `letterlock`. Everything it can do is a command under `cli/`, which is loaded only once Node is known to
 * be new enough: an older one would stop at the first module that it does not have, with a message about that module.
 */
const oldest = [24, 17] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(`letterlock: needs Node.js ${oldest.join(".")} or newer, this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { runProgram } = await import("./cli/program.ts");
  process.exitCode = await runProgram(process.argv.slice(2), import.meta.filename);
}
