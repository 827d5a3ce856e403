/**
 * Sendmail with a configuration of its own, receiving only.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Arrivals } from "./arrivals.ts";
import type { Authority } from "./authority.ts";
import { inRoot, type Namespace } from "./namespace.ts";
import { addresses, type Peer } from "./peer.ts";
import { packageVersion } from "./programs.ts";

const host = "mx.sendmail.test";
const home = `${inRoot}/sendmail`;

export async function startSendmail(namespace: Namespace, authority: Authority): Promise<Peer> {
  const arrivals = new Arrivals(namespace, "sendmail");
  const folder = path.join(namespace.folder, "sendmail");
  mkdirSync(path.join(folder, "queue"), { mode: 0o700 });
  const { certificate, key } = authority.issue(host);
  const definitions = [
    ["confSERVER_CERT", namespace.asInRoot(certificate)],
    ["confSERVER_KEY", namespace.asInRoot(key)],
    ["confCACERT", namespace.asInRoot(authority.certificate)],
    ["confCACERT_PATH", home],
    ["confDOMAIN_NAME", host],
    ["QUEUE_DIR", `${home}/queue`],
    ["confPID_FILE", `${home}/pid`],
  ];
  const definition = definitions.map(([name, value]) => `define(\`${name}',\`${value}')dnl`).join("\n");
  writeFileSync(path.join(folder, "sendmail.mc"), `${top}${definition}\n${mailer(arrivals.command)}`);
  const m4 = "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 sendmail.mc > sendmail.cf";
  const { code, stderr } = await namespace.runIn("sendmail", ["sh", "-c", `cd ${home} && ${m4}`]);
  assert.equal(code, 0, stderr);
  namespace.daemon("sendmail", "sendmail", ["/usr/sbin/sendmail-mta", "-bD", `-C${home}/sendmail.cf`]);
  await namespace.accepting(addresses.sendmail, 25);
  return {
    name: "Sendmail",
    version: packageVersion("sendmail", "sendmail-bin"),
    host,
    address: addresses.sendmail,
    certificate,
    smtputf8: false,
    dsn: true,
    arrivals,
  };
}

const top = `divert(0)dnl
OSTYPE(\`debian')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
DAEMON_OPTIONS(\`Family=inet, Name=MTA, Port=25, Addr=${addresses.sendmail}')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`promiscuous_relay')dnl
FEATURE(\`accept_unresolvable_domains')dnl
define(\`confTO_IDENT',\`0')dnl
define(\`confMAX_MESSAGE_SIZE',\`60000000')dnl
define(\`confDELIVERY_MODE',\`background')dnl
define(\`confQUEUE_LA',\`1000')dnl
define(\`confREFUSE_LA',\`1000')dnl
`;

// No mailer flags but those for a program that gets one recipient and the message as it came: nothing is added,
// escaped, or cut to a length.
function mailer(store: string): string {
  const [program = "", folder = ""] = store.split(" ");
  return `MAILER(\`smtp')dnl
LOCAL_RULE_0
Rrefused <@ $* > $* \t $#error $@ 5.7.1 $: "550 refused"
R$+ <@ $+ . > $* \t $#store $@ $2 $: $1 @ $2
R$+ <@ $+ > $* \t $#store $@ $2 $: $1 @ $2
MAILER_DEFINITIONS
Mstore,\tP=${program}, F=Sn8, U=nobody, L=0, T=DNS/RFC822/X-Unix, A=store ${folder} $u
`;
}
