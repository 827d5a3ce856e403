/**
 * A scripted SMTP host on loopback: what the demo's partners and the policy tests' peers and attackers are made of.
 * It does what it is told, right or wrong, and keeps what it saw: every octet that came in clear, every octet that came
 * in TLS, and each message exactly as it arrived.
 *
 *     await using host = await startPartnerHost({ tls: { mode: "starttls", certificate } });
 *
 * Not here: judging. It takes every message unless `answers` says otherwise.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import type { PartnerConnection, PartnerMessage, PartnerOptions, PartnerTls } from "./partner-script.ts";
import { PartnerSession } from "./partner-session.ts";

export type PartnerHost = Readonly<{
  address: string;
  port: number;
  /** In the order of their arrival; they grow while the host runs. */
  messages: readonly PartnerMessage[];
  /** One per connection that has ended. */
  connections: readonly PartnerConnection[];
  /** Connections so far, open ones included. */
  connectionCount(): number;
  /** Resolves once every connection so far has ended. */
  settled(): Promise<void>;
  /** Ends all open connections from the host's side. */
  dropConnections(): void;
  [Symbol.asyncDispose](): Promise<void>;
}>;

export async function startPartnerHost(options: PartnerOptions): Promise<PartnerHost> {
  const messages: PartnerMessage[] = [];
  const connections: PartnerConnection[] = [];
  const open = new Map<Socket, Promise<void>>();
  let count = 0;
  const context = serverContext(options.tls);
  const server = createServer({ noDelay: true }, (socket) => {
    count += 1;
    const session = new PartnerSession(socket, options, context, messages);
    const ended = session.ended.then((connection) => {
      connections.push(connection);
      open.delete(socket);
    });
    open.set(socket, ended);
  });
  const { address, port } = await listen(server, options);
  const dropConnections = (): void => {
    for (const socket of open.keys()) socket.destroy();
  };
  return {
    address,
    port,
    messages,
    connections,
    connectionCount: () => count,
    settled: async () => {
      await Promise.all(open.values());
    },
    dropConnections,
    async [Symbol.asyncDispose]() {
      dropConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serverContext(tls: PartnerTls): SecureContext | undefined {
  if (tls.mode === "none") return undefined;
  const { certificate, minVersion, maxVersion, ciphers, groups, clientCertificate } = tls;
  return createSecureContext({
    cert: certificate.chainPem,
    key: certificate.privateKeyPem,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(groups === undefined ? {} : { ecdhCurve: groups }),
    ...(clientCertificate === undefined ? {} : { ca: [...clientCertificate.anchors] }),
  });
}

function listen(
  server: Server,
  { address = "127.0.0.1", port = 0 }: PartnerOptions,
): Promise<{ address: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      const bound = server.address();
      if (bound === null || typeof bound === "string") reject(new Error("not a TCP port"));
      else resolve({ address: bound.address, port: bound.port });
    });
  });
}
