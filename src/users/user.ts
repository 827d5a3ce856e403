/**
 * Who may log in, and what he may do then. Users come from Letterlock's own users file and from a dialect
 * (PowerMTA's `<smtp-user>`); the admission room asks.
 */
import type { IpAddress } from "../mail/address.ts";
import type { DomainPattern } from "../mail/domain-pattern.ts";
import type { Cidr } from "../mail/ip.ts";

/** A hashed password, as its PHC text says: `$scrypt$ln=17,r=8,p=1$SALT$HASH`, `$argon2id$v=19$m=65536,t=3,p=4$...`. */
export type PasswordHash =
  | Readonly<{
      kind: "scrypt";
      /** log2 of N. */
      costLog2: number;
      blockSize: number;
      parallelization: number;
      salt: Uint8Array;
      hash: Uint8Array;
    }>
  | Readonly<{
      kind: "argon2id";
      memoryKiB: number;
      passes: number;
      parallelism: number;
      salt: Uint8Array;
      hash: Uint8Array;
    }>;

/** What a SCRAM-SHA-256 server keeps (RFC 5802 §3, RFC 7677): never the password. */
export type ScramVerifier = Readonly<{
  iterations: number;
  salt: Uint8Array;
  storedKey: Uint8Array;
  serverKey: Uint8Array;
}>;

export type User = Readonly<{
  /** After SASLprep; compared exactly. */
  name: string;
  password: PasswordHash | undefined;
  scram: ScramVerifier | undefined;
  /** In clear text, only where a dialect's configuration holds it so: what CRAM-MD5 needs. */
  secret: string | undefined;
  /** SHA-256 of the certificates or SPKIs that he may log in with by EXTERNAL, lower-case hex. */
  certificates: readonly Readonly<{ of: "certificate" | "spki"; sha256: string }>[];
  /** Envelope senders: addresses and domains; undefined: any. */
  senders: readonly (Readonly<{ address: string }> | Readonly<{ domain: DomainPattern }>)[] | undefined;
  /** Where he may log in from; undefined: anywhere. */
  networks: readonly Cidr[] | undefined;
  /** His mail leaves as one of these, as the first where nothing chooses; undefined: as any. */
  bindings: readonly string[] | undefined;
  /** To log in at all: `trusted` also needs a client certificate with a trusted chain. */
  requireTls: "none" | "encrypted" | "trusted";
  /** Mail to anywhere; else to our own domains alone. */
  mayRelay: boolean;
}>;

export type UserDirectory = Readonly<{
  /** Each name once. */
  users: readonly User[];
  find(name: string): User | undefined;
  /** Whoever may log in by this certificate. */
  byCertificate(sha256: string, spkiSha256: string): User | undefined;
  readonly size: number;
  /** Which mechanisms anybody could use: some user has what it needs. */
  readonly usable: Readonly<{ password: boolean; scram: boolean; secret: boolean; certificate: boolean }>;
}>;

/** May he log in from there? */
export type UserPlace = Readonly<{ client: IpAddress; tls: "clear" | "encrypted" | "trusted" }>;
