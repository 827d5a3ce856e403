/**
 * The three functions that make keys of passwords, as one value: slow on purpose, run on libuv's threads, and replaced
 * where a test counts what was asked of them.
 */
import { argon2, pbkdf2, scrypt } from "node:crypto";
import { promisify } from "node:util";

export type ScryptCost = Readonly<{ costLog2: number; blockSize: number; parallelization: number }>;
export type Argon2Cost = Readonly<{ memoryKiB: number; passes: number; parallelism: number }>;
type Asked = Readonly<{ password: string; salt: Uint8Array; length: number }>;

/** Each rejects when the cost cannot be met: no memory. */
export type KeyDerivation = Readonly<{
  /** RFC 7914. */
  scrypt(asked: Asked & ScryptCost): Promise<Buffer>;
  /** RFC 9106, version 19. */
  argon2id(asked: Asked & Argon2Cost): Promise<Buffer>;
  /** With HMAC-SHA-256: RFC 8018 §5.2, which is `Hi` of RFC 5802 §2.2. */
  pbkdf2(asked: Asked & Readonly<{ iterations: number }>): Promise<Buffer>;
}>;

const runArgon2 = promisify(argon2);
const runPbkdf2 = promisify(pbkdf2);

export const nodeKeyDerivation: KeyDerivation = {
  scrypt({ password, salt, length, costLog2, blockSize, parallelization }) {
    const N = 2 ** costLog2;
    // OpenSSL counts a little more than the 128 * N * r of RFC 7914 §2.
    const maxmem = 128 * blockSize * (N + parallelization + 2) + 65_536;
    const options = { N, r: blockSize, p: parallelization, maxmem };
    return new Promise((resolve, reject) => {
      scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
    });
  },
  argon2id({ password, salt, length, memoryKiB, passes, parallelism }) {
    return runArgon2("argon2id", {
      message: password,
      nonce: salt,
      tagLength: length,
      memory: memoryKiB,
      passes,
      parallelism,
    });
  },
  pbkdf2: ({ password, salt, length, iterations }) => runPbkdf2(password, salt, iterations, length, "sha256"),
};
