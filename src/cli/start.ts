/**
 * `letterlock start`: runs the relay and says how to send the first mail.
 */
import { findConfiguration } from "../config/find.ts";
import { nameOf } from "../config/policy-sources.ts";
import type { Settings } from "../config/settings.ts";
import type { OpenListener } from "../server/relay.ts";
import { supervise } from "../server/supervisor.ts";
import { howToCall } from "./how-to-call.ts";
import { type PolicyOptions, policyFlag } from "./policy-options.ts";
import type { CommonOptions } from "./program.ts";

export async function start(options: CommonOptions & PolicyOptions, program: string): Promise<number> {
  const flag = policyFlag(options);
  if (options.beside === true && flag === undefined) {
    process.stderr.write(
      "letterlock: --beside which server? Add --postfix DIR, --sendmail DIR, --momentum FILE or --powermta FILE\n",
    );
    return 2;
  }
  const file = findConfiguration(options.config);
  return supervise({
    source: { file, data: options.data, flag },
    program,
    onReady: (listeners, settings) => process.stdout.write(greeting(listeners, settings, file)),
    onProblems: (problems) => {
      for (const problem of problems) process.stderr.write(`${problem}\n`);
    },
  });
}

function greeting(listeners: readonly OpenListener[], settings: Settings, file: string | undefined): string {
  const lines = [
    `Letterlock runs with ${settings.workers} ${settings.workers === 1 ? "worker" : "workers"}, ${file ?? "built-in settings"}, data in ${settings.dataDirectory}`,
  ];
  for (const { name, address, port, tls } of listeners) {
    lines.push(`  ${name.padEnd(12)} ${address.includes(":") ? `[${address}]` : address}:${port} (${tls})`);
  }
  const first = listeners[0];
  for (const dialect of settings.dialects) lines.push(`  policy       ${nameOf(dialect)}`);
  if (file === undefined && first !== undefined) {
    lines.push(
      "Send a first mail (it leaves by MX, under TLS when the host offers it):",
      `  swaks --server ${first.address}:${first.port} --tls --from YOUR-ADDRESS --to A-FRIENDS-ADDRESS`,
      `  or: openssl s_client -starttls smtp -crlf -quiet -connect ${first.address}:${first.port}`,
      "See what became of it:",
      `  ${settings.records.file}   and   ${howToCall()} queue list`,
      `No network at hand? ${howToCall()} demo shows partner hosts of every kind on this machine.`,
    );
  }
  return `${lines.join("\n")}\n`;
}
