#!/usr/bin/env node
/**
 * The program `letterlock`. Everything it can do is a command under `cli/`.
 */
import { runProgram } from "./cli/program.ts";

process.exitCode = await runProgram(process.argv.slice(2), import.meta.filename);
