/**
 * `letterlock start`: runs the relay and says how to send the first mail.
 */
import { findConfiguration } from "../config/find.ts";
import { nameOf } from "../config/policy-sources.ts";
import type { Settings } from "../config/settings.ts";
import type { OpenListener } from "../server/listeners.ts";
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
  for (const dialect of settings.dialects) lines.push(`  policy       ${nameOf(dialect)}`);
  const first = listeners.find(({ tls }) => tls === "starttls");
  return `${[...lines, ...(file === undefined && first !== undefined ? firstSteps(first, settings) : [])].join("\n")}\n`;
}

/** For whoever has no configuration yet. */
function firstSteps({ address, port }: OpenListener, { records }: Settings): readonly string[] {
  const place = `${isAnyAddress(address) ? "localhost" : address}:${port}`;
  return [
    "Send a first mail (it leaves by MX, under TLS when the host offers it):",
    `  swaks --server ${place} --tls --from YOUR-ADDRESS --to A-FRIENDS-ADDRESS`,
    `  or: openssl s_client -starttls smtp -crlf -quiet -connect ${place}`,
    "See what came in, what became of it, and what waits:",
    ...[records.inboundFile ?? [], records.file, `${howToCall()} queue list`].flat().map((one) => `  ${one}`),
    `No network at hand? ${howToCall()} demo shows partner hosts of every kind on this machine.`,
  ];
}

function isAnyAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
