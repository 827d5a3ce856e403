/**
 * Real mail servers as clients of the listeners of `inbound-world.ts`. Each message has a sending configuration of its
 * own, named after it: where it goes, with which certificate, and who logs in.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import path from "node:path";
import type { Issued } from "./authority.ts";
import { inOneFile } from "./client-certificates.ts";
import { type InboundWorld, type Way, ways } from "./inbound-world.ts";
import { inRoot, type Namespace } from "./namespace.ts";
import { addresses } from "./peer.ts";
import { backgroundServices, livesIn } from "./postfix-files.ts";

export type Sending = Readonly<{
  /** Also the EHLO name, and the recipient's local part. */
  name: string;
  from: string;
  to: string;
  way: Way;
  kind: "starttls" | "implicit";
  certificate: Issued | undefined;
  login?: Readonly<{ user: string; password: string }>;
}>;

/** What became of it, and the words of the server that sent it. */
export type Sent = Readonly<{ outcome: "sent" | "deferred" | "bounced"; words: string }>;

const content = "Subject: hi\n\nhi\n";

// --- Postfix --------------------------------------------------------------------------------------------------------

/** A Postfix of its own, beside the one that receives: each message is handed to it at an address of its own. */
export class SendingPostfix {
  readonly #namespace: Namespace;
  readonly #sendings: readonly Sending[];

  static async start({ namespace, partners }: InboundWorld, sendings: readonly Sending[]): Promise<SendingPostfix> {
    const folder = path.join(namespace.folder, "postfix-out");
    for (const part of ["", "etc", "spool", "data"]) mkdirSync(path.join(folder, part));
    const home = `${inRoot}/postfix-out`;
    const passwords = sendings.map(({ login }) => login && `${login.user}:${login.password}`);
    const authority = namespace.asInRoot(partners.certificate);
    writeFileSync(path.join(folder, "etc/main.cf"), mainCf(home, authority));
    const entries = sendings.map((sending, at) => masterEntry(namespace, sending, addressOf(at), passwords[at]));
    writeFileSync(path.join(folder, "etc/master.cf"), entries.join("") + services);
    await namespace.runIn("postfix", ["chown", "postfix", `${home}/data`]);
    namespace.daemon("postfix-out", "postfix", ["/usr/sbin/postfix", "-c", `${home}/etc`, "start-fg"]);
    for (const at of sendings.keys()) await namespace.accepting(addressOf(at), 25);
    return new SendingPostfix(namespace, sendings);
  }

  private constructor(namespace: Namespace, sendings: readonly Sending[]) {
    this.#namespace = namespace;
    this.#sendings = sendings;
  }

  async send(sending: Sending, deadlineMs = 25_000): Promise<Sent> {
    const { from, to } = sending;
    const injector = path.join(import.meta.dirname, "inject.ts");
    const job = { from, mailParameters: "", to: [`<${to}>`], by: "DATA", content: content.replaceAll("\n", "\r\n") };
    const argv = [injector, addressOf(this.#sendings.indexOf(sending)), "25", addresses.letterlock];
    const { code, stderr } = await this.#namespace.run(process.execPath, argv, JSON.stringify([job]));
    assert.equal(code, 0, stderr);
    const told = new RegExp(`to=<${to}>.* status=(sent|deferred|bounced) \\((.*)\\)$`, "m");
    const log = this.#namespace.logFile("postfix-out");
    const deadline = AbortSignal.timeout(deadlineMs);
    const watcher = watch(log, { signal: deadline });
    try {
      for (;;) {
        const [, outcome, words = ""] = told.exec(readFileSync(log, "latin1")) ?? [];
        if (outcome !== undefined) return { outcome: outcome as Sent["outcome"], words };
        await once(watcher, "change", { signal: deadline });
      }
    } finally {
      watcher.close();
    }
  }
}

function addressOf(at: number): string {
  return `192.0.2.${100 + at}`;
}

function mainCf(home: string, authority: string): string {
  return `compatibility_level = 3.10
${livesIn(home)}myhostname = out.postfix.test
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 192.0.2.0/24
smtpd_peername_lookup = no
relay_domains = static:all
default_transport = discard
relay_transport = discard
smtp_tls_CAfile = ${authority}
smtp_tls_security_level = encrypt
`;
}

function masterEntry(
  namespace: Namespace,
  { name, way, kind, certificate, login }: Sending,
  address: string,
  password: string | undefined,
): string {
  const options = [
    `smtp_helo_name=${name}`,
    ...(kind === "implicit" ? ["smtp_tls_wrappermode=yes"] : []),
    ...(certificate === undefined
      ? []
      : [`smtp_tls_chain_files=${namespace.asInRoot(certificate.key)},${namespace.asInRoot(certificate.certificate)}`]),
    ...(login === undefined
      ? []
      : ["smtp_sasl_auth_enable=yes", `{smtp_sasl_password_maps=static:{${password}}}`, "smtp_sasl_security_options="]),
  ];
  const written = options.map((option) => `-o ${option}`).join(" ");
  const target = `${name}:[${addresses.letterlock}]:${ways[way][kind]}`;
  return `${address}:25 inet n - n - - smtpd -o content_filter=${target}\n${name} unix - - n - - smtp ${written}\n`;
}

const services = `smtp unix - - n - - smtp
${backgroundServices}`;

// --- Exim -----------------------------------------------------------------------------------------------------------

/** One run of Exim in the foreground, with a configuration of its own. */
export async function sendByExim({ namespace }: InboundWorld, sending: Sending): Promise<Sent> {
  const { name, from, to } = sending;
  const folder = path.join(namespace.folder, `exim-${name}`);
  mkdirSync(folder);
  const home = namespace.asInRoot(folder);
  writeFileSync(path.join(folder, "exim.conf"), eximConfiguration(namespace, home, sending));
  await namespace.runIn("exim", ["chown", "Debian-exim:Debian-exim", home]);
  const argv = ["/usr/sbin/exim4", "-C", `${home}/exim.conf`, "-odf", "-f", from, "-i", to];
  const { stdout, stderr } = await namespace.runIn("exim", argv, content);
  const log = readFileSync(path.join(folder, "mainlog"), "latin1");
  const [, mark = "", words = ""] = /^.{36,60} (=>|\*\*|==) (.*)$/m.exec(log) ?? [];
  const outcome = ({ "=>": "sent", "**": "bounced", "==": "deferred" } as const)[mark];
  assert.ok(outcome, log + stdout + stderr);
  return { outcome, words };
}

function eximConfiguration(namespace: Namespace, home: string, sending: Sending): string {
  const { name, way, kind, certificate, login } = sending;
  const pair = certificate && namespace.asInRoot(inOneFile(certificate));
  return `primary_hostname = ${name}
disable_ipv6 = true
spool_directory = ${home}
log_file_path = ${home}/%slog
keep_environment =
qualify_domain = home.test
begin routers
out:
  driver = manualroute
  route_list = * ${addresses.letterlock}::${ways[way][kind]} byname
  self = send
  transport = out
begin transports
out:
  driver = smtp
  allow_localhost
  hosts_try_dane =
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
  helo_data = ${name}
${kind === "implicit" ? "  protocol = smtps\n" : ""}${pair === undefined ? "" : `  tls_certificate = ${pair}\n`}${
  login === undefined ? "" : "  hosts_require_auth = *\n"
}begin authenticators
${
  login === undefined
    ? ""
    : `plain:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^${login.user}^${login.password}\n`
}begin retry
* * F,1h,5m
`;
}

// --- Sendmail -------------------------------------------------------------------------------------------------------

/** Runs of Sendmail in the foreground. Its configuration is made once, and changed for each message. */
export class SendingSendmail {
  readonly #world: InboundWorld;
  readonly #configuration: string;

  static async make(world: InboundWorld): Promise<SendingSendmail> {
    const folder = path.join(world.namespace.folder, "sendmail-out");
    mkdirSync(folder);
    const home = world.namespace.asInRoot(folder);
    writeFileSync(
      path.join(folder, "sendmail.mc"),
      sendmailMc(world.namespace.asInRoot(world.partners.certificate), home),
    );
    const m4 = "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /usr/share/sendmail/cf/m4/cf.m4 sendmail.mc";
    const { code, stdout, stderr } = await world.namespace.runIn("sendmail", ["sh", "-c", `cd ${home} && ${m4}`]);
    assert.equal(code, 0, stderr);
    return new SendingSendmail(world, stdout);
  }

  private constructor(world: InboundWorld, configuration: string) {
    this.#world = world;
    this.#configuration = configuration;
  }

  async send({ name, from, to, way, kind, certificate }: Sending): Promise<Sent> {
    const { namespace } = this.#world;
    const folder = path.join(namespace.folder, `sendmail-${name}`);
    mkdirSync(path.join(folder, "queue"), { recursive: true, mode: 0o700 });
    const home = namespace.asInRoot(folder);
    const own = this.#configuration
      .replaceAll("NAME-OF-THIS", name)
      .replaceAll("HOME-OF-THIS", home)
      .replaceAll("PORT-OF-THIS", String(ways[way][kind]));
    const pair =
      certificate === undefined
        ? ""
        : `O ClientCertFile=${namespace.asInRoot(certificate.certificate)}\nO ClientKeyFile=${namespace.asInRoot(certificate.key)}\n`;
    writeFileSync(path.join(folder, "sendmail.cf"), own + pair, { mode: 0o644 });
    const argv = ["/usr/sbin/sendmail-mta", `-C${home}/sendmail.cf`, "-odi", "-v", "-f", from, "-i", to];
    const { stdout, stderr } = await namespace.runIn("sendmail", argv, content);
    const refusal = /^[45](?=\d\d )/m.exec(stdout)?.[0];
    const outcome = stdout.includes(`\n${to}... Sent`) ? "sent" : refusal === "4" ? "deferred" : "bounced";
    assert.ok(outcome === "sent" || refusal !== undefined, stdout + stderr);
    return { outcome, words: stdout };
  }
}

function sendmailMc(authority: string, home: string): string {
  return `divert(0)dnl
OSTYPE(\`debian')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
define(\`confDOMAIN_NAME',\`NAME-OF-THIS')dnl
define(\`QUEUE_DIR',\`HOME-OF-THIS/queue')dnl
define(\`confPID_FILE',\`HOME-OF-THIS/pid')dnl
define(\`confCACERT',\`${authority}')dnl
define(\`confCACERT_PATH',\`${home}')dnl
define(\`confTO_IDENT',\`0')dnl
define(\`RELAY_MAILER_ARGS',\`TCP $h PORT-OF-THIS')dnl
define(\`SMART_HOST',\`relay:[${addresses.letterlock}]')dnl
MAILER(\`smtp')dnl
`;
}
