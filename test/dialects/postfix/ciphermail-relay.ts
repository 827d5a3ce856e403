/**
 * CipherMail end to end: its folder with tables indexed by the real `postmap`, `letterlock start --postfix` on it, and real
 * mail by its manual's three procedures, each brought in by Apply: files written, tables indexed, reload.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { type IssuedCertificate, makeAuthority } from "../../../src/lab/certificates.ts";
import { type LabZone, startDnsServer } from "../../../src/lab/dns-server.ts";
import { startPartnerHost } from "../../../src/lab/partner-host.ts";
import type { PartnerTls } from "../../../src/lab/partner-script.ts";
import { connectControl, controlPath } from "../../../src/server/control-socket.ts";
import { folderFor, RunningRelay } from "../../cli/command.ts";
import { Namespace } from "../../interop/lab/namespace.ts";
import { missing } from "../../interop/lab/programs.ts";
import { sendOver } from "../../relay/relay-lab.ts";
import { TestClient } from "../../smtp-client.ts";

const skip = missing();

function fixture(name: string): string {
  return readFileSync(path.join(import.meta.dirname, "ciphermail", name), "utf8");
}

type Tables = Readonly<{ main?: string; policy: string; transport?: string }>;

/** A gateway's folder. */
class Gateway implements AsyncDisposable {
  readonly folder: string;
  readonly #namespace: Namespace;

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.folder = path.join(namespace.folder, "postfix");
    mkdirSync(path.join(this.folder, "maps.d"), { recursive: true });
  }

  static async create(caPem: string): Promise<Gateway> {
    const gateway = new Gateway(await Namespace.create());
    writeFileSync(path.join(gateway.folder, "lab-ca.pem"), caPem);
    return gateway;
  }

  /** Writes what the administrator typed, and indexes the tables as CipherMail does. */
  async apply({ main = fixture("main.cf"), policy, transport = "" }: Tables): Promise<void> {
    const { folder } = this;
    const text = main.replace("/etc/postfix/lab-ca.pem", "$config_directory/lab-ca.pem");
    writeFileSync(path.join(folder, "main.cf"), `${text}${fixture("policy-maps.cf")}`);
    const files = { "hash-tls-policy.map": policy, "hash-transport.map": transport };
    const inRoot = Object.entries(files).map(([name, lines]) => {
      const file = path.join(folder, "maps.d", name);
      writeFileSync(file, lines);
      return `hash:${this.#namespace.asInRoot(file)}`;
    });
    const { code, stderr } = await this.#namespace.runIn("postfix", ["postmap", "-c", "/mnt/postfix", ...inRoot]);
    assert.equal(code, 0, stderr);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#namespace[Symbol.asyncDispose]();
  }
}

const addresses = { "example.com": 1, "ciphermail.com": 2, "tls.example.com": 3, "nostarttls.test": 4 } as const;
type Domain = keyof typeof addresses;
const addressOf = (domain: Domain): string => `127.0.25.${addresses[domain]}`;

/** Mail hosts on port 25 of their own addresses, the back end on 127.0.0.1:10025, and the DNS that leads to them. */
async function startWorld(resources: AsyncDisposableStack, certificates: Readonly<Record<string, IssuedCertificate>>) {
  const start = async (address: string, port: number, certificate?: IssuedCertificate) => {
    const tls: PartnerTls = certificate === undefined ? { mode: "none" } : { mode: "starttls", certificate };
    return resources.use(await startPartnerHost({ address, port, tls }));
  };
  const zone: LabZone = {};
  const hosts = new Map<string, Awaited<ReturnType<typeof start>>>();
  for (const domain of Object.keys(addresses) as Domain[]) {
    hosts.set(domain, await start(addressOf(domain), 25, certificates[domain]));
    const isHost = domain === "tls.example.com";
    if (!isHost) zone[domain] = { mx: [[10, `mx.${domain}`]] };
    zone[isHost ? domain : `mx.${domain}`] = { a: [addressOf(domain)] };
  }
  hosts.set("back.example", await start("127.0.0.1", 10025));
  const dns = resources.use(await startDnsServer(zone));
  return { hosts, dns };
}

describe("CipherMail's gateway, taken over by a running relay", { skip }, () => {
  let certificates: Readonly<Record<string, IssuedCertificate>> = {};
  let caPem = "";

  before(async () => {
    const ca = await makeAuthority("Lab Root CA");
    caPem = ca.certificatePem;
    certificates = {
      "example.com": await ca.issue({ dnsNames: ["elsewhere.test"] }),
      "ciphermail.com": await ca.issue({ dnsNames: ["mx.ciphermail.com"] }),
      "tls.example.com": await ca.issue({ dnsNames: ["alternative.com"] }),
    };
  });

  test("postfix CipherMail: each of the three procedures decides over real mail once it is applied", async (t) => {
    await using resources = new AsyncDisposableStack();
    const { hosts, dns } = await startWorld(resources, certificates);
    const gateway = resources.use(await Gateway.create(caPem));
    await gateway.apply({ policy: fixture("verify-a-domain.map") });
    const yaml = `dns: { servers: ["${dns.address}:${dns.port}"] }
outbound: { allow-addresses: [127.0.0.0/8], ipv6: false }
`;
    const relay = resources.use(await RunningRelay.start(folderFor(t), yaml, ["--postfix", gateway.folder]));
    const apply = async (tables: Tables): Promise<void> => {
      await gateway.apply(tables);
      using control = await connectControl(controlPath(path.join(relay.folder, "data")));
      await control?.call("reload");
    };
    const told = new Map<string, number>();
    /** @param want as the log tells it: `delivered verified`, `deferred 4.7.5` */
    const send = async (to: string, want: `delivered ${string}` | `deferred ${string}`): Promise<void> => {
      using client = new TestClient(relay.port);
      await client.reply();
      await client.say("EHLO client.test");
      assert.match(await sendOver(client, { to: [to] }), /^250/);
      const [outcome, how = ""] = want.split(" ");
      const line = `${outcome} id=\\S+ to=<${to}> .*${outcome === "delivered" ? "tls" : "status"}=${how}`;
      told.set(line, (told.get(line) ?? 0) + 1);
      await relay.says(new RegExp(line), told.get(line));
    };
    const received = (domain: string): readonly boolean[] =>
      (hosts.get(domain)?.messages ?? []).map(({ inTls }) => inTls);

    // (a) "example.com:25 verify" is never asked for: a certificate of another name passes, as in Postfix.
    await send("u@example.com", "delivered trusted");
    assert.deepEqual(received("example.com"), [true]);
    await apply({ policy: "example.com verify\nciphermail.com verify\n" });
    await send("u@example.com", "deferred 4.7.5");
    await send("u@ciphermail.com", "delivered verified");
    assert.deepEqual([received("example.com"), received("ciphermail.com")], [[true], [true]]);

    // (b) by way of a transport rule, with another name.
    await apply({ policy: fixture("verify-by-transport-two-lines.map"), transport: fixture("transport.map") });
    await send("u@other.com", "delivered verified");
    assert.deepEqual(received("tls.example.com"), [true]);
    await apply({ policy: "[tls.example.com] verify\n", transport: fixture("transport.map") });
    await send("u@other.com", "deferred 4.7.5");
    assert.deepEqual(received("tls.example.com"), [true]);

    // (c) everything encrypted, with the exception for the back end.
    const encrypt = fixture("main.cf").replace("smtp_tls_security_level = may", "smtp_tls_security_level = encrypt");
    const transport = "back.example smtp:[127.0.0.1]:10025\n";
    await apply({ main: encrypt, policy: fixture("enforce-all.map"), transport });
    await send("u@back.example", "delivered none");
    await send("u@nostarttls.test", "deferred 4.7.4");
    assert.deepEqual([received("back.example"), received("nostarttls.test")], [[false], []]);
    await apply({ main: encrypt, policy: "[127.0.0.1] none\n", transport });
    await send("u@back.example", "deferred 4.7.4");
    assert.deepEqual(received("back.example"), [false]);
  });
});
