/**
 * Letterlock as programs of others meet it from outside: one listener for each way in (who is asked for a certificate,
 * which certificates are shown, where AUTH is offered), rules that demand certificates of some senders, two users, and a
 * Postfix where everything that was taken arrives. Who is asked what is read from `inbound.jsonl`.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, watch, writeFileSync } from "node:fs";
import path from "node:path";
import type { InboundRecord } from "../../../src/mail/inbound-record.ts";
import { Authority, fingerprint, type Issued } from "./authority.ts";
import {
  CertificateMaker,
  clientCertificate,
  type Fault,
  faults,
  type KeyKind,
  keyKinds,
} from "./client-certificates.ts";
import { Dialogue } from "./dialogue.ts";
import { startDns } from "./dns.ts";
import { Namespace } from "./namespace.ts";
import { addresses, type Peer, relayName } from "./peer.ts";
import { startPostfix } from "./postfix.ts";

/** STARTTLS, and implicit TLS where there are two. */
export const ways = {
  ask: { starttls: 2501, implicit: 4501 },
  require: { starttls: 2502, implicit: 4502 },
  /** Nobody is asked for a certificate: TLS sessions may be resumed. */
  plain: { starttls: 2503, implicit: 4503 },
  /** `relay.test` twice (EC, RSA), `other.test`, `*.wild.test`. */
  names: { starttls: 2504, implicit: 4504 },
  submission: { starttls: 2505, implicit: 4505 },
  /** AUTH in clear text, too. */
  clear: { starttls: 2506, implicit: 4506 },
} as const;
export type Way = keyof typeof ways;

/** Mail for it is taken from anybody. */
export const ownDomain = "own.test";
/** Mail for it is taken from those who may relay. */
export const farDomain = "far.test";
/** Mail of the first needs nothing, of the second a trusted certificate, of the third a certain one. */
export const senders = ["any.test", "trusted.test", "pinned.test"] as const;
export const password = "correct horse battery";

const main = path.join(import.meta.dirname, "../../../src/main.ts");

export class InboundWorld implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly postfix: Peer;
  /** Clients' certificates are checked against its authority. */
  readonly partners: CertificateMaker;
  readonly certificates: Readonly<Record<Fault, Readonly<Record<KeyKind, Issued>>>>;
  readonly #opened: AsyncDisposableStack;
  readonly #records: string;

  static async start(): Promise<InboundWorld> {
    await using opened = new AsyncDisposableStack();
    const namespace = opened.use(await Namespace.create());
    const partners = new CertificateMaker(path.join(namespace.folder, "partners"), "Partners CA");
    const stranger = new CertificateMaker(path.join(namespace.folder, "strangers"), "Strangers CA");
    const certificates = Object.fromEntries(
      faults.map((fault) => [
        fault,
        Object.fromEntries(keyKinds.map((kind) => [kind, clientCertificate(partners, stranger, fault, kind)])),
      ]),
    ) as unknown as InboundWorld["certificates"];
    const postfix = await startPostfix(namespace, new Authority(path.join(namespace.folder, "tls")));
    await startDns(
      namespace,
      [...senders, ownDomain, farDomain].map((name) => ({ name, address: addresses.postfix })),
    );
    const folder = path.join(namespace.folder, "letterlock");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "inbound.jsonl"), "");
    const file = path.join(folder, "letterlock.yaml");
    addUsers(path.join(folder, "users.yaml"), certificates.none.rsa.certificate);
    writeFileSync(file, configuration(partners, fingerprint(certificates.self.ec.certificate)));
    const log = openSync(namespace.logFile("letterlock"), "a");
    const argv = [main, "start", "--config", file, "--data", folder];
    const child = namespace.spawn(process.execPath, argv, { stdio: ["ignore", log, log] });
    opened.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    });
    for (const { starttls, implicit } of Object.values(ways)) {
      await namespace.accepting(addresses.letterlock, starttls);
      await namespace.accepting(addresses.letterlock, implicit);
    }
    return new InboundWorld({ namespace, postfix, partners, certificates }, opened.move());
  }

  private constructor(
    parts: Pick<InboundWorld, "namespace" | "postfix" | "partners" | "certificates">,
    opened: AsyncDisposableStack,
  ) {
    this.namespace = parts.namespace;
    this.postfix = parts.postfix;
    this.partners = parts.partners;
    this.certificates = parts.certificates;
    this.#opened = opened;
    this.#records = path.join(parts.namespace.folder, "letterlock/inbound.jsonl");
  }

  /** `openssl s_client`, its input and output being the session inside TLS. */
  openssl(way: Way, kind: "starttls" | "implicit", options: readonly string[] = []): Dialogue {
    const target = ["-connect", `${addresses.letterlock}:${ways[way][kind]}`];
    const opening = kind === "starttls" ? ["-starttls", "smtp"] : [];
    const argv = ["s_client", ...target, ...opening, "-CAfile", this.partners.certificate, ...options];
    return this.dialogue("openssl", argv);
  }

  /** Any such program; it is ended when a test has waited too long for it. */
  dialogue(command: string, argv: readonly string[]): Dialogue {
    const stdio = ["pipe", "pipe", "pipe"] as const;
    return new Dialogue(this.namespace.spawn("timeout", ["20", command, ...argv], { stdio: [...stdio] }));
  }

  /** What the inbound record says of sessions of a client that called itself so. */
  recordsOf(ehlo: string): readonly InboundRecord[] {
    const lines = readFileSync(this.#records, "utf8").split("\n");
    const records = lines.slice(0, -1).map((line) => JSON.parse(line) as InboundRecord);
    return records.filter((record) => record.ehlo === ehlo);
  }

  /** Waits for the first of them: it is written after the reply. */
  async recordOf(ehlo: string, deadlineMs = 20_000): Promise<InboundRecord> {
    const deadline = AbortSignal.timeout(deadlineMs);
    return new Promise((resolve, reject) => {
      const watcher = watch(path.dirname(this.#records), { signal: deadline });
      const look = (): void => {
        const [first] = this.recordsOf(ehlo);
        if (first === undefined) return;
        watcher.close();
        resolve(first);
      };
      watcher.on("change", look);
      deadline.addEventListener("abort", () => reject(new Error(`nothing of ${ehlo} was recorded`)));
      look();
    });
  }

  /** Every record, as it stands in the file. */
  records(): string {
    return readFileSync(this.#records, "latin1");
  }

  log(): string {
    return readFileSync(this.namespace.logFile("letterlock"), "latin1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

/** `user` has a password, `bearer` a certificate. */
function addUsers(file: string, certificate: string): void {
  const add = (argv: readonly string[]): void => {
    const stdio = ["pipe", "ignore", "pipe"] as const;
    execFileSync(process.execPath, [main, "user", "add", ...argv, "--file", file], {
      input: `${password}\n`,
      stdio: [...stdio],
    });
  };
  add(["user", "--password-stdin"]);
  add(["bearer", "--no-password", "--certificate", certificate]);
}

function configuration(partners: CertificateMaker, pin: string): string {
  const served = [
    ["relay", partners.issue("relay", [relayName])],
    ["rsa", partners.issue("relay-rsa", [relayName], { kind: "rsa" })],
    ["other", partners.issue("other", ["other.test"])],
    ["wild", partners.issue("wild", ["*.wild.test"])],
  ] as const;
  const settings: Readonly<Record<Way, string>> = {
    ask: "certificate: [relay], client-certificate: ask, client-ca: [CA]",
    require: "certificate: [relay], client-certificate: require, client-ca: [CA]",
    plain: "certificate: [relay], client-certificate: do-not-ask",
    names: "certificate: [relay, rsa, other, wild], client-certificate: do-not-ask",
    submission: "certificate: [relay], auth: in-tls, auth-required: true",
    clear: "certificate: [relay], auth: also-in-clear",
  };
  const listeners = Object.entries(ways).flatMap(([way, ports]) =>
    Object.entries(ports).map(
      ([tls, port]) =>
        `  - { name: ${way}-${tls}, address: "${addresses.letterlock}:${port}", tls: ${tls}, ${settings[way as Way]} }\n`,
    ),
  );
  const asking = "listeners: [ask-starttls, ask-implicit, require-starttls, require-implicit]";
  const text = `hostname: ${relayName}
workers: 1
listeners:
${listeners.join("")}inbound-rules:
  - { ${asking}, sender-domains: [trusted.test], require-tls: trusted, client-ca: [CA] }
  - { ${asking}, sender-domains: [pinned.test], require-tls: matching, fingerprints: ["certificate-sha256:${pin}"], answer: permanent }
users-file: users.yaml
certificates:
${served.map(([name, { certificate, key }]) => `  ${name}: { certificate: ${certificate}, key: ${key} }\n`).join("")}relay-networks: []
relay-domains: [${ownDomain}]
transports: { ${ownDomain}: "[${addresses.postfix}]:25", ${farDomain}: "[${addresses.postfix}]:25" }
auth: { failure-delay: 0s, failures: 1000000 }
outbound: { allow-addresses: [192.0.2.0/24] }
dns: { servers: [127.0.0.1] }
metrics: off
`;
  return text.replaceAll("CA]", `${partners.certificate}]`);
}

/** The message as Postfix stored it, once it has arrived. */
export async function received({ arrivals }: Peer, recipient: string): Promise<string> {
  const [stored] = await arrivals.wait(recipient);
  assert.ok(stored);
  return /^Received: from \S+ \(\S+\)\n\tby relay\.test[\s\S]*?(?=^\S)/m.exec(stored.toString("latin1"))?.[0] ?? "";
}
