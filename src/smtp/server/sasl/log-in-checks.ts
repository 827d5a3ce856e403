/**
 * What the mechanisms ask of whoever knows the users. They see octets and names as they came; what a name means, who
 * fails how and after what wait, is decided there, so that an unknown name and a wrong password cannot be told apart
 * (standards.md AU-4, AT-33).
 */
import type { SaslStep } from "./sasl.ts";

/** As sent: valid UTF-8 without NUL, not prepared. `authzid` is as whom he wants to act, empty where it is himself. */
export type Identity = Readonly<{ name: string; authzid: string }>;

/** RFC 5802 §3. */
export type ScramRecord = Readonly<{
  iterations: number;
  salt: Uint8Array;
  storedKey: Uint8Array;
  serverKey: Uint8Array;
}>;

export type LogInChecks = Readonly<{
  /** The last step of a mechanism that sends passwords. */
  password(identity: Identity, password: string): Promise<SaslStep>;
  /** A stranger gets a record as well, the same each time, that no proof fits. */
  scramRecord(name: string): ScramRecord;
  /** The password itself, for CRAM-MD5; a stranger's is chance. */
  sharedSecret(name: string): string;
  /** Who may log in by the certificate of this session. */
  certificateUser(): string | undefined;
  /**
   * The last step of a mechanism that has checked the proof itself.
   * @param data what it says at the end of a log-in
   */
  conclude(identity: Identity, proof: "right" | "wrong", data?: Buffer): Promise<SaslStep>;
}>;

export const malformed: SaslStep = { kind: "failed", why: "malformed" };
