/**
 * The clients that hand mail in: what DNS says of their address, a certificate or none, and what they can do in TLS.
 * Each story has a client of its own, so that its address tells whose a line is.
 */
import type { LabZone } from "../../../src/lab/dns-zone.ts";
import type { CertificateMaker, Made } from "../sendmail-differential/certificates.ts";

export type Client = Readonly<{
  /** The first three octets; who may relay is said of two. */
  net: string;
  name?: string;
  /** Its name leads elsewhere. */
  forged?: true;
  certificate?: "trusted" | "stranger";
  /** TLS 1.2 with one cipher. */
  old?: true;
}>;

const friend = { net: "127.1.1", name: "friend.example" } as const;

export const clients = {
  friend,
  nameless: { net: "127.1.2" },
  forged: { net: "127.1.3", name: "forged.example", forged: true },
  old: { ...friend, old: true },
  certified: { ...friend, certificate: "trusted" },
  doubtful: { ...friend, certificate: "stranger" },
  bound: { net: "127.1.5", name: "bound.example" },
  barred: { net: "127.1.6", name: "barred.example" },
  stranger: { net: "127.4.1", name: "stranger.example" },
} as const satisfies Record<string, Client>;
export type ClientName = keyof typeof clients;

/** Access lines that are about clients. */
export const clientAccess: readonly string[] = [
  "Connect:127.1\tRELAY",
  "TLS_Clt:bound.example\tENCR:128",
  "Connect:barred.example\tERROR:5.7.1:550 go away",
];

/** @param used each client's name and address */
export function clientZone(used: readonly (readonly [name: ClientName, address: string])[]): LabZone {
  const zone: LabZone = {};
  const addresses = new Map<string, string[]>();
  for (const [client, address] of used) {
    const { name, forged }: Client = clients[client];
    if (name === undefined) continue;
    zone[`${address.split(".").toReversed().join(".")}.in-addr.arpa`] = { ptr: [name] };
    addresses.set(name, [...(addresses.get(name) ?? []), forged ? "127.9.9.9" : address]);
  }
  for (const [name, a] of addresses) zone[name] = { a };
  return zone;
}

export async function makeClientCertificates(
  maker: CertificateMaker,
): Promise<Readonly<Record<"trusted" | "stranger", Made>>> {
  const make = async (more: Partial<Parameters<CertificateMaker["make"]>[0]>): Promise<Made> => {
    const attributes = [["O", "Partner Ltd"] as const, ["CN", "pc.friend.example"] as const];
    return await maker.make({ attributes, macros: { cn: "pc.friend.example", subject: "" }, ...more });
  };
  return { trusted: await make({}), stranger: await make({ signedBy: "stranger" }) };
}
