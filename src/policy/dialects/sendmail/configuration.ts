/**
 * What a sendmail.mc and a sendmail.cf both come down to, as far as TLS hangs on it.
 */
import type { EnhancedStatus } from "../../../mail/outcome.ts";
import type { Note } from "../dialect.ts";

/** Line 0: nobody wrote it, it is what m4 adds. */
export type Place = Readonly<{ file: string; line: number }>;

export type Setting = Readonly<{ value: string; at: Place }>;

export type Reply = Readonly<{ code: 403 | 454 | 503 | 554; status: EnhancedStatus }>;

export type Configuration = Readonly<{
  /** By the option's name in sendmail.cf, lower case: `cacertfile`. The last one written counts. */
  options: ReadonlyMap<string, Setting>;
  /** DaemonPortOptions and ClientPortOptions: each line is one more. */
  daemons: readonly Setting[];
  /** `promiscuous` ... `full-address`: see `Relaying`. */
  relaying: Relaying;
  /** TRUST_AUTH_MECH, class TrustAuthMech. */
  trustedMechanisms: Setting | undefined;
  /** FEATURE(delay_checks). */
  delayChecks: Setting | undefined;
  clients: readonly Setting[];
  /** `hash -T<TMPF> /etc/mail/access`; `undefined` without an access map. */
  access: Setting | undefined;
  mailertable: Setting | undefined;
  smartHost: Setting | undefined;
  /** `$j`, where it is written. */
  hostname: Setting | undefined;
  /** FEATURE(access_db,,skip), FEATURE(lookupdotdomain), FEATURE(tls_session_features). */
  skip: boolean;
  dots: boolean;
  sessionFeatures: boolean;
  /** FEATURE(sts): mail is held to what domains publish by MTA-STS. */
  sts: Setting | undefined;
  /** The certificate's issuer or subject is cut down before it is looked up. */
  certificateRegex: Setting | undefined;
  /** TLS_PERM_ERR in a sendmail.mc: failed checks are answered with 5yz where the entry does not say. */
  permanent: boolean;
  /** As a sendmail.cf has it written; `undefined`: by the version and `permanent`. */
  defaultReply: Reply | undefined;
  /** `8.18.1`. */
  version: string | undefined;
  notes: readonly Note[];
}>;

/** Who may relay, beside what the access map says. */
export type Relaying = Readonly<{
  /** FEATURE(promiscuous_relay): anybody, to anywhere. */
  promiscuous: boolean;
  /** FEATURE(relay_entire_domain): hosts of our own domain (class m). */
  entireDomain: boolean;
  /** FEATURE(relay_hosts_only): names as they stand, not what is below them. */
  hostsOnly: boolean;
  /** `$m` and class m, where they are written. */
  ownDomains: readonly Setting[];
  /** Class R: domains, host names, the beginnings of addresses. */
  words: readonly Setting[];
  /** Files of class R, as `FR` names them: `-o /etc/mail/relay-domains %[^\#]`. */
  files: readonly Setting[];
}>;

/** Collects notes; a file with a hundred thousand wrong lines is told by its first ones. */
export class Notes {
  readonly list: Note[] = [];
  readonly #perKind = new Map<Note["kind"], number>();

  add(kind: Note["kind"], { file, line }: Place, text: string, remedy = ""): void {
    const count = this.#perKind.get(kind) ?? 0;
    this.#perKind.set(kind, count + 1);
    if (count < 1000) this.list.push({ kind, file, line, column: 1, text, remedy });
  }
}
