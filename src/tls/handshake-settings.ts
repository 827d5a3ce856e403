/**
 * What goes into an outbound handshake, as a value. Two connections with equal `id` were made alike.
 */
import { digestOf } from "./digest.ts";

/** Which CAs count. `id` is stable for equal contents, so that contexts can be cached by it. */
export type TrustAnchors =
  | Readonly<{ kind: "system" }>
  | Readonly<{
      kind: "bundle";
      id: string;
      /** None at all: nobody is trusted. */
      pem: readonly string[];
      files: readonly string[];
      /** Each is an anchor wherever it stands in a chain, a leaf included (Postfix's `tafile`). */
      partialChains?: true;
      /** The system's CAs as well. */
      withSystem?: true;
    }>;

/** A key and its certificate chain, PEM. `id` changes with the contents. */
export type Credential = Readonly<{
  name: string;
  id: string;
  certificateChain: string;
  privateKey: string;
  /** Where it was read, where that is known; `encrypted`: the key needs a passphrase. */
  files?: Readonly<{ certificate: string; key: string; encrypted: boolean }>;
}>;

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export type HandshakeSettings = Readonly<{
  /** SNI to send, never an IP (TL-8); `undefined` sends none. */
  serverName: string | undefined;
  anchors: TrustAnchors;
  minVersion: TlsVersion;
  maxVersion: TlsVersion;
  /** OpenSSL cipher list and suites; `undefined` is Letterlock's default. */
  ciphers: string | undefined;
  /** OpenSSL group list; `undefined` is `?X25519MLKEM768:DEFAULT` (TL-13). */
  groups: string | undefined;
  credential: Credential | undefined;
}>;

/** A short text equal for equal settings: part of a pooled connection's identity. */
export function handshakeId(settings: HandshakeSettings): string {
  const { serverName, anchors, minVersion, maxVersion, ciphers, groups, credential } = settings;
  return [serverName, anchorsId(anchors), minVersion, maxVersion, ciphers, groups, credential?.id]
    .map((part) => part ?? "")
    .join("|");
}

/** Equal for sets that trust the same peers. */
export function anchorsId(anchors: TrustAnchors): string {
  if (anchors.kind === "system") return "system";
  const { id, partialChains, withSystem } = anchors;
  return `${id}${partialChains === true ? "+partial" : ""}${withSystem === true ? "+system" : ""}`;
}

/** CAs of one's own; equal contents get an equal `id`, from whatever files they come. */
export function trustBundle(
  pem: readonly string[],
  files: readonly string[],
  { partialChains = false, withSystem = false } = {},
): TrustAnchors {
  return {
    kind: "bundle",
    id: digestOf(Buffer.from(pem.join("\n")), "sha256"),
    pem,
    files,
    ...(partialChains ? { partialChains: true as const } : {}),
    ...(withSystem ? { withSystem: true as const } : {}),
  };
}
