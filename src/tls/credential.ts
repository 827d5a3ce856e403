/**
 * A key and its certificate chain, checked before anything relies on them: readable, PEM, made for each other, and
 * accepted by OpenSSL. A problem comes with what to do about it.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { certificateFacts } from "./certificate-facts.ts";
import { type ChainWarning, inOrder } from "./chain-order.ts";
import { digestOf } from "./digest.ts";
import type { Credential } from "./handshake-settings.ts";
import { certificateBlocks } from "./pem.ts";
import { validityWarning } from "./validity.ts";

export type CredentialCheck =
  | Readonly<{
      kind: "ok";
      credential: Credential;
      /** DNS names of the certificate, lower case, wildcards as they stand; its common name where it has none. */
      names: readonly string[];
      /** ms since 1970. */
      notAfter: number;
      /** `rsa`, `ec`, `ed25519`. */
      keyType: string;
      /** Usable, but peers may refuse it: out of date or soon so, or not valid yet. */
      warning: string | undefined;
      /** What else may go wrong: with the certificates that follow it. */
      chainWarnings: readonly ChainWarning[];
    }>
  | Readonly<{ kind: "error"; problem: string; remedy: string }>;

type Problem = Extract<CredentialCheck, { kind: "error" }>;

/**
 * @param name by which settings call it
 * @param certificatePem the certificate, then its intermediates; those are put in order (RFC 5246 §7.4.2)
 * @param passphrase of an encrypted key; the credential holds it decrypted
 * @param now ms since 1970, for the warning
 */
export function checkCredential(
  name: string,
  certificatePem: string,
  keyPem: string,
  passphrase?: string,
  now: number = Date.now(),
): CredentialCheck {
  const chain = readChain(certificatePem);
  if (!Array.isArray(chain)) return chain;
  const key = readKey(keyPem, passphrase);
  if ("problem" in key) return key;
  const [leaf] = chain;
  if (leaf === undefined || !leaf.checkPrivateKey(key)) return mismatch(chain, key);
  const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
  const { ordered, warnings } = inOrder(leaf, chain.slice(1), now);
  const certificateChain = ordered.map(String).join("");
  const refused = refusal(certificateChain, privateKey);
  if (refused !== undefined) return refused;
  const { dnsNames, commonName, notBefore, notAfter, keyType } = certificateFacts(leaf.raw);
  const names = dnsNames.length > 0 ? dnsNames : [commonName ?? ""].filter((text) => text !== "");
  return {
    kind: "ok",
    credential: {
      name,
      id: digestOf(Buffer.from(certificateChain + privateKey), "sha256"),
      certificateChain,
      privateKey,
    },
    names: names.map((text) => text.toLowerCase()),
    notAfter,
    keyType,
    warning: validityWarning("the certificate", notBefore, notAfter, now),
    chainWarnings: warnings,
  };
}

function readChain(pem: string): X509Certificate[] | Problem {
  const blocks = certificateBlocks(pem);
  if (blocks.length === 0) {
    return error("the certificate is not PEM", "give a file with a -----BEGIN CERTIFICATE----- block");
  }
  const chain: X509Certificate[] = [];
  for (const [at, block] of blocks.entries()) {
    const certificate = attempt(() => new X509Certificate(block));
    if (certificate instanceof Error) {
      return error(
        `certificate ${at + 1} of ${blocks.length} cannot be read`,
        "replace it with the one that your CA issued",
      );
    }
    chain.push(certificate);
  }
  return chain;
}

function readKey(pem: string, passphrase: string | undefined): KeyObject | Problem {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return error("the private key is not PEM", "give a file with a -----BEGIN PRIVATE KEY----- block");
  }
  if (passphrase === undefined && /ENCRYPTED/.test(pem)) {
    return error("the private key is encrypted and there is no passphrase", "give its passphrase, or decrypt the key");
  }
  const key = attempt(() => createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) }));
  if (!(key instanceof Error)) return key;
  if (passphrase !== undefined) {
    return error("the private key cannot be decrypted", "check the passphrase");
  }
  return error("the private key cannot be read", "check that the file is complete and its type is RSA, EC or Ed25519");
}

function mismatch(chain: readonly X509Certificate[], key: KeyObject): Problem {
  const other = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (other > 0) {
    return error("the key belongs to a later certificate of the file", "put the server's own certificate first");
  }
  return error("the key does not belong to the certificate", "give the key with which the certificate was requested");
}

/** OpenSSL may still say no: key too small, digest too weak. */
function refusal(cert: string, key: string): Problem | undefined {
  const context = attempt(() => createSecureContext({ cert, key }));
  if (!(context instanceof Error)) return undefined;
  const { reason } = context as Error & { reason?: string };
  return error(`OpenSSL refuses the certificate: ${reason ?? context.message}`, "use a key of 2048 bits RSA or P-256");
}

function attempt<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

function error(problem: string, remedy: string): Problem {
  return { kind: "error", problem, remedy };
}
