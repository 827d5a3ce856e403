/**
 * Everything of the interop tests at once: a namespace with DNS, four real mail servers, and Letterlock among them.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Authority } from "./authority.ts";
import { startDns } from "./dns.ts";
import { startExim } from "./exim.ts";
import type { Injected, InjectJob } from "./inject.ts";
import { Letterlock } from "./letterlock.ts";
import { Namespace } from "./namespace.ts";
import { startOpensmtpd } from "./opensmtpd.ts";
import { dnsEntries, ownDomain, tlsSection } from "./partners.ts";
import { addresses, type Peer, ports, relayName } from "./peer.ts";
import { startPostfix } from "./postfix.ts";
import { startSendmail } from "./sendmail.ts";

const injector = path.join(import.meta.dirname, "inject.ts");

export class World implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly authority: Authority;
  readonly peers: Readonly<Record<"postfix" | "exim" | "opensmtpd" | "sendmail", Peer>>;
  readonly letterlock: Letterlock;

  static async start(): Promise<World> {
    await using opened = new AsyncDisposableStack();
    const namespace = opened.use(await Namespace.create());
    try {
      const authority = new Authority(path.join(namespace.folder, "tls"));
      const stranger = new Authority(path.join(namespace.folder, "stranger"));
      const [postfix, exim, opensmtpd, sendmail] = await Promise.all([
        startPostfix(namespace, authority),
        startExim(namespace, authority),
        startOpensmtpd(namespace, authority),
        startSendmail(namespace, authority),
      ]);
      const peers = [postfix, exim, opensmtpd, sendmail];
      await startDns(namespace, dnsEntries(peers));
      const tls = tlsSection(peers, { authority, stranger });
      const letterlock = opened.use(await Letterlock.start(namespace, `${configuration(authority)}${tls}`));
      return new World(namespace, authority, { postfix, exim, opensmtpd, sendmail }, letterlock, opened.move());
    } catch (cause) {
      throw new Error(`the world did not start\n${tails(namespace)}`, { cause });
    }
  }

  readonly #opened: AsyncDisposableStack;

  private constructor(
    namespace: Namespace,
    authority: Authority,
    peers: World["peers"],
    letterlock: Letterlock,
    opened: AsyncDisposableStack,
  ) {
    this.namespace = namespace;
    this.authority = authority;
    this.peers = peers;
    this.letterlock = letterlock;
    this.#opened = opened;
  }

  get allPeers(): readonly Peer[] {
    return Object.values(this.peers);
  }

  /**
   * Hands messages to a server in one session.
   * @param from the client's own address
   * @returns the replies to each message
   */
  async inject(
    jobs: readonly InjectJob[],
    to: Readonly<{ address: string; port: number; from?: string }> = relay,
  ): Promise<readonly Injected[]> {
    const argv = [injector, to.address, String(to.port), to.from ?? addresses.letterlock];
    const { code, stdout, stderr } = await this.namespace.run(process.execPath, argv, JSON.stringify(jobs));
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as readonly Injected[];
  }

  /** The last lines of every log, for the message of a test that failed. */
  logs(): string {
    return tails(this.namespace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

const relay = { address: addresses.letterlock, port: ports.starttls };

function configuration(authority: Authority): string {
  const { certificate, key } = authority.issue(relayName);
  return `hostname: ${relayName}
workers: 2
listeners:
  - { name: smtp, address: "${addresses.letterlock}:${ports.starttls}", tls: starttls }
  - { name: smtps, address: "${addresses.letterlock}:${ports.implicit}", tls: implicit }
certificates:
  relay: { certificate: ${certificate}, key: ${key} }
relay-networks: [127.0.0.0/8, 192.0.2.0/24]
relay-domains: [${ownDomain}]
dns: { servers: [127.0.0.1] }
outbound: { allow-addresses: [192.0.2.0/24] }
metrics: off
`;
}

function tails(namespace: Namespace): string {
  const folder = path.join(namespace.folder, "log");
  return readdirSync(folder)
    .map((name) => `== ${name}\n${readFileSync(path.join(folder, name), "latin1").slice(-2000)}`)
    .join("\n");
}
