/**
 * A client's certificate through a real handshake: as `clientHandshakeFacts` tells it.
 */
import { once } from "node:events";
import net from "node:net";
import type { TestContext } from "node:test";
import { connect } from "node:tls";
import { makeSelfSigned } from "../src/lab/certificates.ts";
import { systemClock } from "../src/mail/clock.ts";
import { clientHandshakeFacts } from "../src/tls/client-facts.ts";
import { joinAnchors } from "../src/tls/client-trust.ts";
import type { TrustAnchors } from "../src/tls/handshake-settings.ts";
import type { HandshakeFacts } from "../src/tls/peer-facts.ts";
import { acceptTls, ServerContexts } from "../src/tls/server-context.ts";

/** What a server that trusts all of `sets` sees of a client that shows this. Ends with the test. */
export async function seenOfClient(
  t: TestContext,
  sets: readonly TrustAnchors[],
  cert: string,
  key: string,
): Promise<HandshakeFacts> {
  const own = await makeSelfSigned({ dnsNames: ["relay.example"] });
  const credential = { name: "own", id: "own", certificateChain: own.chainPem, privateKey: own.privateKeyPem };
  const clientAnchors = joinAnchors(sets);
  const handshake = new ServerContexts("test", systemClock).handshakeFor({
    default: { credentials: [credential], names: [] },
    others: [],
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: undefined,
    groups: undefined,
    clientAnchors,
  });
  const server = net.createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = connect({
    port: (server.address() as net.AddressInfo).port,
    host: "127.0.0.1",
    cert,
    key,
    rejectUnauthorized: false,
  });
  t.after(() => client.destroy());
  client.on("error", () => undefined);
  const [socket] = (await once(server, "connection")) as [net.Socket];
  const secured = acceptTls(socket, handshake);
  t.after(() => secured.destroy());
  await once(secured, "secure");
  return clientHandshakeFacts(secured, clientAnchors, 0);
}
