/**
 * `main.cf` and `master.cf` of one situation, with the freedoms that their syntax gives (reference section 3.1).
 */
import { backgroundServices, livesIn } from "../lab/postfix-files.ts";
import { Draw } from "./draw.ts";
import type { Variant } from "./situations.ts";

export const postfixName = "postfix.test";

/** What is none of our subject, and makes an instance of Postfix deliver quickly on its own. */
export function mainCf({ name, seed, parameters }: Variant): string {
  const draw = new Draw(seed);
  const lines = Object.entries({ compatibility_level: "3.10", ...parameters }).map(([parameter, value], index) =>
    written(parameter, value, `own_${index}`, draw),
  );
  return `${livesIn(`/mnt/${name}`)}myhostname = ${postfixName}
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
smtpd_peername_lookup = no
fast_flush_domains =
default_destination_recipient_limit = 1
default_destination_concurrency_failed_cohort_limit = 100000
default_destination_concurrency_negative_feedback = 0
default_destination_concurrency_limit = 8
smtp_connection_cache_on_demand = no
smtp_tls_loglevel = 1
${draw.shuffled(lines).join("")}`;
}

/** @param own a parameter of this file's own, where the value is written by way of one */
function written(parameter: string, value: string, own: string, draw: Draw): string {
  const plain = `${parameter} = ${value}\n`;
  if (/[{}$]/.test(value) || draw.chance(0.5)) return plain;
  const through = (reference: string) => `${own} = ${value}\n${parameter} = ${reference}\n`;
  return draw.pick([
    `${parameter}=${value.replaceAll(", ", ",\n\t")}\n`,
    `${parameter} =\n# why\n\n    ${value}\n`,
    `${parameter} = overridden\n${plain}`,
    through(`$${own}`),
    through(`\${${own}}`),
    through(`$(${own})`),
    `${parameter} = \${undefined_${own}:{${value}}}\n`,
    `${own} = set\n${parameter} = \${${own}?{${value}}:{none}}\n`,
    `${parameter} = \${{3.10} >= {3.9} ? {none} : {${value}}}\n`,
    `${parameter} = \${{abc} == {abc} ? {${value}} : {none}}\n`,
  ]);
}

export function masterCf({ services }: Variant, port: number): string {
  return `127.0.0.1:${port} inet n - n - 1 smtpd
smtp unix - - n - 8 smtp
relay unix - - n - 4 smtp
${backgroundServices}${services}`;
}
