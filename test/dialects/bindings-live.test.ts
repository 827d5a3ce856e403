/**
 * As whom mail leaves, seen from the other side: a whole relay under a PowerMTA or Momentum configuration as it is, and a
 * host that notes source address, EHLO name, client certificate and what became of the message.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, test } from "node:test";
import { makeAuthority } from "../../src/lab/certificates.ts";
import { type PartnerHost, startPartnerHost } from "../../src/lab/partner-host.ts";
import { type RelayLab, startRelayLab } from "../relay/relay-lab.ts";

const authority = await makeAuthority();
const ours = {
  m1: await authority.issue({ dnsNames: ["m1.test"] }),
  m2: await authority.issue({ dnsNames: ["m2.test"] }),
};
const pemFiles = {
  "ca.pem": authority.certificatePem,
  "m1.pem": ours.m1.chainPem + ours.m1.privateKeyPem,
  "m2.pem": ours.m2.chainPem + ours.m2.privateKeyPem,
};

/** Passes each connection on to a host, and remembers where it came from. */
async function startWitness(host: PartnerHost) {
  const sources: string[] = [];
  const server = createServer((socket) => {
    sources.push(socket.remoteAddress ?? "");
    const onward = connect(host.port, host.address);
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) each.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { sources, port, [Symbol.asyncDispose]: async () => void server.close() };
}

type Seen = Readonly<{
  source: string | undefined;
  ehlo: string | undefined;
  certificate: string | undefined;
  body: string;
}>;

/** Everything about the connection that brought the message before last. */
async function seen(host: PartnerHost, sources: readonly string[], lab: RelayLab, count: number): Promise<Seen> {
  await lab.until(() => host.messages.length >= count && host.connections.length >= count);
  const connection = host.connections[count - 1];
  const der = connection?.clientCertificate;
  return {
    source: sources[count - 1],
    ehlo: /^EHLO (\S+)/m.exec(connection?.decrypted.toString("latin1") ?? "")?.[1],
    certificate: der === undefined ? undefined : new X509Certificate(der).subjectAltName,
    body: host.messages[count - 1]?.body.toString("latin1") ?? "",
  };
}

async function startPartner() {
  const certificate = await authority.issue({ dnsNames: ["mx.a.test"] });
  return await startPartnerHost({
    tls: {
      mode: "starttls",
      certificate,
      clientCertificate: { wanted: "requested", anchors: [authority.certificatePem] },
    },
  });
}

const oneByOne = "outbound: { allow-addresses: [127.0.0.0/8], ipv6: false, messages-per-connection: 1 }";

describe("bindings of other systems, seen from the other side", () => {
  test("powermta T51: header, pool, pattern list, source by CIDR: address, EHLO name, certificate", async () => {
    await using host = await startPartner();
    await using witness = await startWitness(host);
    const config = `
host-name relay.test
<virtual-mta m1>
  smtp-source-host 127.0.0.11 m1.test
  <domain *>
    smtp-client-certificate m1.pem
  </domain>
</virtual-mta>
<virtual-mta m2>
  smtp-source-host 127.0.0.12 m2.test
  <domain *>
    smtp-client-certificate m2.pem
  </domain>
</virtual-mta>
<virtual-mta m3>
  smtp-source-host 127.0.0.13 m3.test
</virtual-mta>
<virtual-mta-pool turns>
  virtual-mta m1
  virtual-mta m2
</virtual-mta-pool>
<pattern-list by-sender>
  mail-from /@special[.]test$/ virtual-mta=m2
</pattern-list>
<source 127.0.0.0/8>
  default-virtual-mta m1
</source>
<source 0/0>
  process-x-virtual-mta yes
  pattern-list by-sender
  default-virtual-mta m3
</source>
<domain *>
  require-starttls yes
  smtp-hosts [127.0.0.1]:${witness.port}
</domain>
`;
    const yaml = `policy: [powermta: { file: "{folder}/config" }]\n${oneByOne}`;
    await using lab = await startRelayLab({ files: { ...pemFiles, config }, yaml });
    const rows: readonly (readonly [
      headers: string,
      from: string,
      source: string,
      name: string,
      certificate: string | undefined,
    ])[] = [
      ["", "a@b.test", "127.0.0.11", "m1.test", "DNS:m1.test"],
      ["X-Virtual-MTA: m2\r\n", "a@b.test", "127.0.0.12", "m2.test", "DNS:m2.test"],
      ["x-virtual-mta: m3\r\n", "a@special.test", "127.0.0.13", "m3.test", undefined],
      ["", "a@special.test", "127.0.0.12", "m2.test", "DNS:m2.test"],
    ];
    for (const [index, [headers, from, source, name, certificate]] of rows.entries()) {
      const text = `${headers}Subject: hello\r\n\r\nhello\r\n`;
      assert.match(await lab.send({ from, to: ["c@a.test"], text }), /^250/);
      const { body, ...rest } = await seen(host, witness.sources, lab, index + 1);
      assert.deepEqual(rest, { source, ehlo: name, certificate });
      assert.doesNotMatch(body, /x-virtual-mta/i);
    }
    const turns: (string | undefined)[] = [];
    for (let count = rows.length + 1; count <= rows.length + 4; count += 1) {
      await lab.send({ to: ["c@a.test"], text: "X-Virtual-MTA: turns\r\n\r\nhello\r\n" });
      turns.push((await seen(host, witness.sources, lab, count)).source);
    }
    assert.deepEqual(turns.toSorted(), ["127.0.0.11", "127.0.0.11", "127.0.0.12", "127.0.0.12"]);
    assert.notEqual(turns[0], turns[1]);
    const unknown = await lab.send({ to: ["c@a.test"], text: "X-Virtual-MTA: nobody\r\n\r\nhello\r\n" });
    assert.match(unknown, /^5\d\d 5\.3\.5 .*does not exist/);
  });

  test("momentum 28, 30, 62: binding-rules in YAML over bindings of ecelerity.conf", async () => {
    await using host = await startPartner();
    await using witness = await startWitness(host);
    const config = `
tls = "required"
tls_verify = "ca"
tls_ca = "ca.pem"
binding_group "customers" {
  binding "c1" {
    bind_address = "127.0.0.11"
    ehlo_hostname = "c1.test"
    tls_certificate = "m1.pem"
    domain "none.test" { tls_certificate = "none" }
  }
  binding "c2" { bind_address = "127.0.0.12" ehlo_hostname = "__message__" tls_certificate = "m2.pem" }
}
routes = ( "smtp://127.0.0.1?port=${witness.port}" )
`;
    const yaml = `policy: [momentum: { file: "{folder}/ecelerity.conf" }]
${oneByOne}
binding-rules:
  - { sender-domain: one.test, binding: c1 }
  - { sender-domain: two.test, binding: c2 }
`;
    await using lab = await startRelayLab({ files: { ...pemFiles, "ecelerity.conf": config }, yaml });
    const rows: readonly (readonly [from: string, to: string, want: Omit<Seen, "body">])[] = [
      ["a@one.test", "c@a.test", { source: "127.0.0.11", ehlo: "c1.test", certificate: "DNS:m1.test" }],
      ["a@two.test", "c@a.test", { source: "127.0.0.12", ehlo: "two.test", certificate: "DNS:m2.test" }],
      ["a@one.test", "c@none.test", { source: "127.0.0.11", ehlo: "c1.test", certificate: undefined }],
      ["a@other.test", "c@a.test", { source: "127.0.0.1", ehlo: "relay.test", certificate: undefined }],
    ];
    for (const [index, [from, to, want]] of rows.entries()) {
      assert.match(await lab.send({ from, to: [to] }), /^250/);
      const { body: _, ...rest } = await seen(host, witness.sources, lab, index + 1);
      assert.deepEqual(rest, want);
    }
  });
});
