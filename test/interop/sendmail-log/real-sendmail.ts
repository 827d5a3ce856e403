/**
 * The real Sendmail, receiving and delivering, and every line of its log.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inRoot, type Namespace } from "../lab/namespace.ts";
import { rootOf } from "../lab/programs.ts";

export const server = { name: "mx.sendmail.test", address: "192.0.2.100" } as const;

/** What is below the namespace's folder, under `/mnt` in every root. */
const home = `${inRoot}/sendmail`;
const tls = `${inRoot}/tls`;

export async function configure(namespace: Namespace, access: readonly string[], level: number): Promise<void> {
  const folder = path.join(namespace.folder, "sendmail");
  mkdirSync(path.join(folder, "queue"), { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, "access"), access.map((line) => `${line}\n`).join(""));
  writeFileSync(path.join(folder, "sendmail.mc"), mcText(level));
  const m4 = "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 sendmail.mc > sendmail.cf";
  const script = `cd ${home} && ${m4} && makemap hash access < access`;
  const { code, stderr } = await namespace.runIn("sendmail", ["sh", "-c", script]);
  assert.equal(code, 0, stderr);
}

/** Ends with the namespace. */
export async function startDaemon(namespace: Namespace, tag: string): Promise<void> {
  const argv = ["/usr/sbin/sendmail-mta", "-bD", `-L${tag}`, `-C${home}/sendmail.cf`];
  namespace.daemon("sendmail", "sendmail", argv);
  await namespace.accepting(server.address, 25);
}

/** Waits until the daemon has no children: every session and every delivery is over. */
export async function allDelivered(namespace: Namespace): Promise<void> {
  const count = `
    here=$(readlink /proc/self/ns/net)
    until
      n=0
      for one in /proc/[0-9]*; do
        [ "$(readlink $one/root)" = "$0" ] && [ "$(readlink $one/ns/net)" = "$here" ] && n=$((n + 1))
      done
      [ $n -le 1 ]
    do sleep 0.1; done`;
  const { code } = await namespace.run("timeout", ["60", "sh", "-c", count, rootOf("sendmail")]);
  assert.equal(code, 0, "Sendmail's deliveries do not end");
}

function mcText(level: number): string {
  const definitions = {
    confDOMAIN_NAME: server.name,
    confLOG_LEVEL: String(level),
    confSERVER_CERT: `${tls}/server.pem`,
    confSERVER_KEY: `${tls}/server.key`,
    confCACERT: `${tls}/ca.pem`,
    confCACERT_PATH: tls,
    confTO_IDENT: "0",
    confQUEUE_LA: "100000",
    confREFUSE_LA: "100000",
    confDELAY_LA: "0",
    confDELIVERY_MODE: "background",
    confPID_FILE: `${home}/pid`,
    QUEUE_DIR: `${home}/queue`,
    confAUTH_MECHANISMS: "EXTERNAL",
    confDOUBLE_BOUNCE_ADDRESS: "",
  };
  const defines = Object.entries(definitions).map(([name, value]) => `define(\`${name}', \`${value}')dnl\n`);
  return `divert(0)dnl
OSTYPE(\`debian')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
${defines.join("")}FEATURE(\`access_db', \`hash -T<TMPF> ${home}/access')dnl
FEATURE(\`no_default_msa')dnl
TRUST_AUTH_MECH(\`EXTERNAL')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(\`Family=inet, Name=MTA-v4, Addr=${server.address}, Port=25')dnl
MAILER(\`smtp')dnl
`;
}
