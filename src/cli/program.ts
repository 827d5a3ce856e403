/**
 * The command line: every command, its options and its exit codes, one file per command beside this one.
 *
 * Exit codes: 0 done; 1 a warning under --strict, nothing found, or no relay running; 2 an error in the input or the
 * configuration; 3 unexpected trouble.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { settingsHelp } from "../config/help.ts";
import { errorText } from "../mail/error-text.ts";
import { systems } from "../policy/dialects/registry.ts";
import { runWorker, type WorkerStart } from "../server/worker.ts";
import { type CheckOptions, check } from "./check.ts";
import { demo } from "./demo.ts";
import { type ExplainOptions, explain } from "./explain.ts";
import { type ImportOptions, importConfiguration, reportForms } from "./import.ts";
import { type PolicyOptions, withPolicy } from "./policy-options.ts";
import { queueCommand } from "./queue.ts";
import { reload } from "./reload.ts";
import { reportCommand } from "./report.ts";
import { start } from "./start.ts";
import { userCommand } from "./user.ts";

/** Options that every command has. */
export type CommonOptions = Readonly<{ config?: string; data?: string }>;

/**
 * @param program the file that a worker process runs again
 * @returns the exit code
 */
export async function runProgram(argv: readonly string[], program: string): Promise<number> {
  // Worker processes are started by the supervisor only: no help, no options.
  if (argv[0] === "worker" && argv[1] !== undefined && process.send !== undefined) {
    runWorker(JSON.parse(argv[1]) as WorkerStart);
    return 0;
  }
  // A reader that has seen enough (`| head`) ends a command; the relay goes on without one.
  process.stdout.on("error", () => argv[0] !== "start" && process.exit(0));
  let exitCode = 0;
  const took = async (code: Promise<number> | number): Promise<void> => {
    exitCode = await code;
  };
  const root = new Command("letterlock")
    .description("A mail relay that decides, enforces and proves how each hop is encrypted.")
    .version(packageVersion(), "-V, --version")
    .showHelpAfterError("(add --help for the options)")
    .exitOverride();

  withPolicy(withCommon(root.command("start")))
    .description(
      "run the relay until SIGTERM; SIGHUP reloads, SIGUSR1 reopens the logs of deliveries and of what came in",
    )
    .option("--beside", "listen on loopback, 2525 and 4465, and not where --postfix and its like say: that server runs")
    .addHelpText("after", () => `\n${settingsHelp()}`)
    .action((options: CommonOptions & PolicyOptions) => took(start(options, program)));
  withPolicy(withCommon(root.command("check")))
    .description("check the configuration: file:line:column: error|warning|differs|not-yet|applied|no-effect: message")
    .option("--strict", "exit 1 when there are warnings")
    .option("--all", "list every line that is applied or without effect, however many")
    .option("--json", "print everything as JSON")
    .action((options: CheckOptions) => took(check(options)));
  withPolicy(withCommon(root.command("explain")))
    .description(
      "say how mail to a recipient must be encrypted, or without one what --client is offered and held to, and which line decides",
    )
    .argument("[recipient]", "user@example.com, or a domain alone")
    .option("--binding <name>", "as whom the mail leaves")
    .option("--sender <address>", "the envelope sender: it may choose the binding")
    .option("--client <address>", "who hands the mail in (127.0.0.1): it may choose the binding; or who is asked about")
    .option("--mx <host>", "the MX host to ask about; without it the rule before any host is known")
    .option("--client-name <host>", 'the name that DNS verifies for the client; "?" where it cannot tell')
    .option("--listener <name>", "where the client connects; without it every listener answers")
    .option("--local <address:port>", "the same by address")
    .option("--from <address>", "the client's MAIL FROM; without it the null sender")
    .option("--to <address>", "its RCPT TO")
    .option("--user <name>", "as whom it has logged in")
    .option("--json", "print JSON")
    .action((recipient: string | undefined, options: ExplainOptions) => took(explain(recipient, options)));
  root
    .command("import")
    .description("write the configuration of another mail server in our own language, to standard output")
    .argument("<path>", "as for --postfix, --sendmail, --momentum and --powermta")
    .addOption(new Option("--from <system>", "whose it is").choices(systems).makeOptionMandatory())
    .addOption(
      new Option("--report [form]", "print whether that means the same, question by question, in place of it")
        .choices(reportForms)
        .preset("text"),
    )
    .option("--with <file>", "with --report: compare with this Letterlock configuration")
    .action((place: string, options: ImportOptions) => took(importConfiguration(place, options)));
  withCommon(root.command("reload"))
    .description("make the running relay read its configuration again; on any error it keeps the old one")
    .option("--json", "print JSON")
    .action((options: CommonOptions & { json?: boolean }) => took(reload(options)));
  queueCommand(root.command("queue"), withCommon, took);
  reportCommand(root.command("report"), withCommon, took);
  userCommand(root.command("user"), took);
  root
    .command("demo")
    .description("a world in one process: partner hosts of every kind, one mail to each, and what became of it")
    .option("--once", "end after the table")
    .option("--json", "print the outcome as JSON")
    .action((options: { once?: boolean; json?: boolean }) => took(demo(options)));

  try {
    await root.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`letterlock: ${errorText(error)}\n`);
    return 3;
  }
}

function withCommon(command: Command): Command {
  return command
    .option(
      "-c, --config <file>",
      "the configuration file (else LETTERLOCK_CONFIG, /etc/letterlock/letterlock.yaml, built-in)",
    )
    .option("-d, --data <folder>", "the data folder, in place of the configured one");
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version?: unknown }).version);
}
