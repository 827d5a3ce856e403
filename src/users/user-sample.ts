/**
 * A plain user who may do all that a user may, and has no way to log in, which tests vary.
 */
import type { User } from "./user.ts";

export function sampleUser(change: Partial<User> = {}): User {
  return {
    name: "alice",
    password: undefined,
    scram: undefined,
    secret: undefined,
    certificates: [],
    senders: undefined,
    networks: undefined,
    bindings: undefined,
    requireTls: "none",
    mayRelay: true,
    ...change,
  };
}
