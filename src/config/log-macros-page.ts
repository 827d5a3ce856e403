/**
 * The table of macros printed: docs/operating/log-macros.md. One source for what the parser knows and what a reader finds.
 */
import { connectionKeys, type LogMacro, logMacros, messageKeys } from "../policy/dialects/momentum/log-macros.ts";

const about = `# Macros of log lines

Printed from the table that the code reads (\`npm run print-reference\`). A line of \`format: template\` under \`logs:\`, and
every format of a \`custom_logger\` in a Momentum configuration, is text with macros in it: \`%name\`, \`%name{argument}\`,
\`%%\` for a percent sign. How to switch such a log on: [logs.md](logs.md); what a custom_logger becomes:
[../moving-from/momentum.md](../moving-from/momentum.md).

A name runs over letters, \`_\` and \`:\` as far as it can. So a delimiter is neither a letter nor \`_\`; one \`:\` behind a
name may be. What is no macro prints nothing, and \`letterlock check\` says so with its line and column. \`%{name}\`,
\`%{vctx_conn:key}\` and \`%outbound_tls:local_ip\` are the same macros in other spellings.

A value is one line of printable ASCII, whoever wrote it: other characters stand as \`\\xNN\` or \`\\u{N}\`. Delimiters are
not escaped in values, as in Momentum: take one that does not occur in them, such as a tab, or replace it with
\`sanitize\` (\`tr/@/_/\`).

*Attempt* is what stands there at \`delivery\`, \`transient-failure\` and \`permanent-failure\`: a field of the
[delivery record](records.md). *Inbound* is what stands there at \`reception\` and \`rejection\`: a field of the
[inbound record](records-inbound.md). A reception gives a line for each recipient.
`;

export function logMacrosPage(): string {
  return [
    about,
    ...section("Specifiers of custom_logger", "custom_logger"),
    ...section("TLS, as in Momentum's tls_macros", "outbound_tls"),
    "In a Momentum configuration these need `tls_macros {}`, and `outbound_tls` in the logger's `namespace`; also",
    "`%vctx_conn{outbound_tls_cipher}` and its like print them.",
    "",
    ...section("What none of them has", "letterlock"),
    "In a Momentum configuration too, whatever its `namespace`.",
    "",
    "## Keys of %vctx_conn{}",
    "",
    ...table(
      "key",
      connectionKeys.map(({ key, ...rest }) => ({ shown: key, ...rest })),
    ),
    "## Keys of %vctx_mess{}",
    "",
    ...table(
      "key",
      messageKeys.map(({ key, ...rest }) => ({ shown: key, ...rest })),
    ),
    "What a script sets there is not to be had: scripts are not run.",
    "",
  ].join("\n");
}

function section(title: string, namespace: LogMacro["namespace"]): string[] {
  const macros = logMacros.filter((macro) => macro.namespace === namespace);
  return [
    `## ${title}`,
    "",
    ...table(
      "macro",
      macros.map((macro) => ({ ...macro, shown: shown(macro) })),
    ),
  ];
}

function shown({ name, argument }: LogMacro): string {
  if (argument === undefined) return `%${name}`;
  return argument.required ? `%${name}{${argument.shown}}` : `%${name}, %${name}{${argument.shown}}`;
}

type Row = Readonly<{ shown: string; meaning: string; attempt: string; inbound: string }>;

function table(what: string, rows: readonly Row[]): string[] {
  return [
    `| ${what} | prints | attempt | inbound |`,
    "| --- | --- | --- | --- |",
    ...rows.map((row) => `| \`${row.shown}\` | ${row.meaning} | ${row.attempt} | ${row.inbound} |`),
    "",
  ];
}
