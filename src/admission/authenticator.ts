/**
 * Who logs in: joins the SASL mechanisms, which see octets, with the users, who have hashes and limits.
 *
 * Guarantees (standards.md AU-4, AU-7, AU-10, AT-33):
 *  - an unknown name, a wrong password, a network or a TLS session that the user may not come with: one answer, after the
 *    same work (`strangers.ts` finds whose) and the same wait;
 *  - an address that failed too often is turned away before anything is computed (`failed-log-ins.ts`);
 *  - hashing never holds up the event loop, nor takes more than two processors (`password-checks.ts`);
 *  - everybody acts as himself: another authorization identity fails.
 * Not here: which mechanisms are offered (`mechanisms.ts`), failures per session, replies (`smtp/server`).
 */
import type { AuthSettings } from "../config/settings.ts";
import type { Clock } from "../mail/clock.ts";
import { errorText } from "../mail/error-text.ts";
import type { Observer } from "../observe/events.ts";
import type { InboundPolicy } from "../policy/inbound.ts";
import type { SessionFacts } from "../smtp/server/receiver.ts";
import type { Identity, LogInChecks, ScramRecord } from "../smtp/server/sasl/log-in-checks.ts";
import type { SaslStep, StartSasl } from "../smtp/server/sasl/sasl.ts";
import { startMechanism } from "../smtp/server/sasl/start-mechanism.ts";
import { type KeyDerivation, nodeKeyDerivation } from "../users/key-derivation.ts";
import { prepareQuery } from "../users/saslprep.ts";
import type { User, UserDirectory, UserPlace } from "../users/user.ts";
import { mayUse } from "../users/user-limits.ts";
import { userPlace } from "./certificate-user.ts";
import { FailedLogIns } from "./failed-log-ins.ts";
import { PasswordChecks } from "./password-checks.ts";
import { inboundQuestion } from "./question.ts";
import { Strangers } from "./strangers.ts";
import { underRule } from "./under-rule.ts";

export type AuthenticatorTools = Readonly<{
  /** As they are now: a reload changes the answer. */
  users: () => UserDirectory;
  /** Whose CAs count for a client. */
  policy: () => Pick<InboundPolicy, "rule">;
  settings: () => AuthSettings;
  clock: Clock;
  /** 32 octets, the same for all workers and after a restart: `readAuthSecret`. */
  secret: Buffer;
  observe: Observer;
  /** Replaced by tests that count. */
  derive?: KeyDerivation;
}>;

export type Authenticator = Readonly<{ startSasl: StartSasl }>;

export function createAuthenticator(tools: AuthenticatorTools): Authenticator {
  const checks = new Checks(tools);
  return {
    startSasl(mechanism, context) {
      const exchange = startMechanism(mechanism, context, checks.of(context.session));
      return { step: (response) => checks.guard(context.session, () => exchange.step(response)) };
    },
  };
}

const locked = { kind: "failed", why: "locked" } as const;
const temporary = { kind: "failed", why: "temporary" } as const;

class Checks {
  readonly #tools: AuthenticatorTools;
  readonly #failed: FailedLogIns;
  readonly #passwords: PasswordChecks;
  readonly #strangers: Strangers;

  constructor(tools: AuthenticatorTools) {
    this.#tools = tools;
    this.#failed = new FailedLogIns(tools);
    this.#passwords = new PasswordChecks(tools.clock, tools.derive ?? nodeKeyDerivation);
    this.#strangers = new Strangers(tools.secret);
  }

  /** One step of any mechanism: never rejects, and nothing is computed for an address that is locked out. */
  async guard(session: SessionFacts, step: () => SaslStep | Promise<SaslStep>): Promise<SaslStep> {
    if (this.#failed.isLocked(session.clientAddress)) return locked;
    try {
      return await step();
    } catch (error) {
      this.#tools.observe({ kind: "trouble", where: "log-in", error: errorText(error) });
      return temporary;
    }
  }

  of(session: SessionFacts): LogInChecks {
    return {
      password: (identity, password) => this.#password(session, identity, password),
      scramRecord: (name) => this.#scramRecord(name),
      sharedSecret: (name) => this.#sharedSecret(name),
      certificateUser: () => certificateUserOf(session, this.#tools.users()),
      conclude: (identity, proof, data) => this.#conclude(session, identity, proof === "right", data),
    };
  }

  // What a stranger would get is computed for everybody: the time must not tell.

  #scramRecord(name: string): ScramRecord {
    const stranger = this.#strangers.scramRecord(normal(name), this.#tools.users());
    return this.#find(name)?.scram ?? stranger;
  }

  #sharedSecret(name: string): string {
    const stranger = this.#strangers.sharedSecret(normal(name));
    return this.#find(name)?.secret ?? stranger;
  }

  async #password(session: SessionFacts, identity: Identity, password: string): Promise<SaslStep> {
    const name = normal(identity.name);
    const user = this.#find(identity.name);
    const isKnown = user !== undefined && (user.password ?? user.scram ?? user.secret) !== undefined;
    const likeness = this.#strangers.likeness(name, this.#tools.users());
    const outcome = await this.#passwords.check({
      name,
      user: isKnown ? user : likeness,
      isKnown,
      password: normal(password),
      address: session.clientAddress,
      isLocked: () => this.#failed.isLocked(session.clientAddress),
    });
    if (outcome === "locked") return { ...locked, triedUser: identity.name };
    if (outcome === "busy") return { ...temporary, triedUser: identity.name };
    return this.#conclude(session, identity, outcome === "right");
  }

  async #conclude(session: SessionFacts, identity: Identity, isProven: boolean, data?: Buffer): Promise<SaslStep> {
    const user = this.#find(identity.name);
    if (isProven && user !== undefined && actsAsHimself(identity, user) && mayUse(user, this.#placeOf(session))) {
      return { kind: "done", user: user.name, ...(data && { data }) };
    }
    await this.#failed.note(session.clientAddress);
    return { kind: "failed", why: "credentials", triedUser: identity.name };
  }

  /** Trust that another listener's CAs give is none here. */
  #placeOf(session: SessionFacts): UserPlace {
    const rule = this.#tools.policy().rule(inboundQuestion(session, this.#tools.clock.now()));
    const tls = session.tls && underRule(session.tls.handshake, rule);
    return userPlace({ client: session.clientAddress, tls });
  }

  #find(name: string): User | undefined {
    return this.#tools.users().find(normal(name));
  }
}

/** What has no normal form is compared as it is: a dialect's users may have such names and passwords. RFC 4013 */
function normal(text: string): string {
  return prepareQuery(text) ?? text;
}

/** RFC 4422 §3.4.1: an empty one means himself. */
function actsAsHimself({ authzid }: Identity, user: User): boolean {
  return authzid === "" || normal(authzid) === user.name;
}

function certificateUserOf({ tls }: SessionFacts, users: UserDirectory): string | undefined {
  const certificate = tls?.handshake.certificate;
  return certificate && users.byCertificate(certificate.sha256, certificate.spkiSha256)?.name;
}
