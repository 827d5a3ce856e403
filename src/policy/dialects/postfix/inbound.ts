/**
 * What an smtpd service offers in its handshakes and asks of its clients in them: the `smtpd_tls_*` half (Postfix: 2.4,
 * INB-1 to INB-15). Who may relay and what an envelope needs is `inbound-service.ts`'s business.
 *
 * One rule per service of master.cf, chosen by the local port. A level that Postfix dies of refuses every client; our own
 * certificate that cannot be read refuses where TLS is required, elsewhere the listener's own certificate serves.
 */

import type { InboundRule, Origin, Sourced } from "../../rules.ts";
import type { SourceFiles } from "../dialect.ts";
import { type CipherLists, cipherChoice } from "./cipher-grades.ts";
import type { View } from "./configuration.ts";
import { readLogIn } from "./inbound-log-in.ts";
import type { InboundProblem } from "./inbound-problem.ts";
import type { LookupTable } from "./lookup-table.ts";
import { parseLevel } from "./policy-value.ts";
import { currentTls, parseProtocolList } from "./protocol-list.ts";
import { readCertificates } from "./server-certificates.ts";
import { readAuthorities } from "./trust.ts";

export type MadeInboundRule = Readonly<{ rule: InboundRule; problems: readonly InboundProblem[] }>;

type Fields = { -readonly [key in keyof InboundRule]?: InboundRule[key] };
type Level = "none" | "may" | "encrypt";

/** @param sniTables `tls_server_sni_maps`, opened */
export function makeInboundRule(view: View, sniTables: readonly LookupTable[], files: SourceFiles): MadeInboundRule {
  return new Making(view, sniTables, files).finish();
}

class Making {
  readonly #view: View;
  readonly #files: SourceFiles;
  readonly #sniTables: readonly LookupTable[];
  readonly #fields: Fields = {};
  readonly #problems: InboundProblem[] = [];

  constructor(view: View, sniTables: readonly LookupTable[], files: SourceFiles) {
    this.#view = view;
    this.#files = files;
    this.#sniTables = sniTables;
  }

  finish(): MadeInboundRule {
    const wrapper = this.#view.setting("smtpd_tls_wrappermode");
    const implicit = this.#view.flag("smtpd_tls_wrappermode");
    const level: Sourced<Level> = implicit ? { value: "encrypt", from: wrapper.from } : this.#level();
    this.#fields.starttls = { value: starttls(level.value), from: level.from };
    if (implicit) this.#fields.implicitTls = { value: true, from: wrapper.from };
    this.#fields.wording = { value: "postfix", from: level.from };
    // INB-5: also where smtpd_forbid_unauth_pipelining = yes, which is about clients that never said EHLO.
    this.#fields.pipelined = { value: "discard", from: level.from };
    const helo = this.#view.setting("smtpd_helo_required");
    this.#fields.mailWithoutHello = { value: !this.#view.flag("smtpd_helo_required"), from: helo.from };
    const received = this.#view.setting("smtpd_tls_received_header");
    if (this.#view.flag("smtpd_tls_received_header")) {
      this.#fields.received = { value: "postfix", from: received.from };
    }
    const { problems, ...login } = readLogIn(this.#view, level);
    Object.assign(this.#fields, login);
    this.#problems.push(...problems);
    if (level.value !== "none") this.#fill(level);
    return { rule: this.#fields, problems: this.#problems };
  }

  #fill(level: Sourced<Level>): void {
    this.#protocols(level.value);
    this.#ciphers(level.value);
    this.#certificate(level.value);
    this.#clientCertificate(level.value);
  }

  #warn(from: Origin, text: string, remedy: string): void {
    this.#problems.push({ from, text, remedy, refuses: false, fatal: false });
  }

  #differs(from: Origin, text: string): void {
    this.#problems.push({ from, text, remedy: 'write ">=TLSv1.2"', refuses: false, fatal: false, kind: "differs" });
  }

  #fail(from: Origin, text: string, remedy: string, fatal: boolean): void {
    this.#problems.push({ from, text, remedy, refuses: true, fatal });
    this.#fields.refuse ??= { value: "TLS not available due to local problem", from };
  }

  #level(): Sourced<Level> {
    const { value, from } = this.#view.setting("smtpd_tls_security_level");
    if (value === "") return this.#obsoleteLevel(from);
    const level = parseLevel(value);
    switch (level) {
      case "none":
      case "may":
      case "encrypt":
        return { value: level, from };
      case "fingerprint":
      case "verify":
      case "secure":
        this.#warn(
          from,
          `smtpd_tls_security_level: unsupported TLS level "${value}", using "encrypt"`,
          "write encrypt, and smtpd_tls_req_ccert = yes if clients must show a certificate",
        );
        return { value: "encrypt", from };
      default:
        this.#fail(from, `Invalid TLS level "${value}"`, "write none, may or encrypt", true);
        return { value: "encrypt", from };
    }
  }

  #obsoleteLevel(from: Origin): Sourced<Level> {
    if (this.#view.flag("smtpd_enforce_tls")) {
      return { value: "encrypt", from: this.#view.setting("smtpd_enforce_tls").from };
    }
    if (this.#view.flag("smtpd_use_tls")) return { value: "may", from: this.#view.setting("smtpd_use_tls").from };
    return { value: "none", from };
  }

  #protocols(level: Level): void {
    const name = level === "may" ? "smtpd_tls_protocols" : "smtpd_tls_mandatory_protocols";
    const { value, from } = this.#view.setting(name);
    const list = parseProtocolList(value);
    if (list.kind === "invalid") {
      this.#fail(from, `Invalid TLS protocol list "${value}": there is no "${list.word}"`, 'write ">=TLSv1.2"', false);
      return;
    }
    const replaced = list.none && list.oldTls && level === "may";
    if (replaced) this.#differs(from, `"${value}" holds nothing but TLS 1.0 and 1.1: TLS 1.2 and 1.3 are used`);
    else if (list.none) this.#warn(from, `"${value}" leaves neither TLS 1.2 nor 1.3: no handshake can succeed`, "");
    this.#fields.protocols = { value: replaced ? currentTls : list.range, from };
  }

  #ciphers(level: Level): void {
    const grade = this.#view.setting(level === "may" ? "smtpd_tls_ciphers" : "smtpd_tls_mandatory_ciphers");
    const plain = this.#view.setting("smtpd_tls_exclude_ciphers").value;
    const mandatory = this.#view.setting("smtpd_tls_mandatory_exclude_ciphers").value;
    const lists: CipherLists = {
      high: this.#view.setting("tls_high_cipherlist").value,
      medium: this.#view.setting("tls_medium_cipherlist").value,
      null: this.#view.setting("tls_null_cipherlist").value,
    };
    const choice = cipherChoice(grade.value, level === "may" ? plain : `${plain} ${mandatory}`, level, lists);
    if (choice.kind === "list") this.#fields.ciphers = { value: choice.ciphers, from: grade.from };
    else this.#fail(grade.from, choice.problem, 'write "high" or "medium", and exclude less', false);
  }

  /** INB-10, INB-20, INB-21 */
  #certificate(level: Level): void {
    const { served, failed, problems } = readCertificates(this.#view, this.#sniTables, this.#files);
    if (served !== undefined) this.#fields.certificates = served;
    for (const { from, text, remedy } of problems) this.#warn(from, text, remedy);
    if (failed === undefined) return;
    if (level === "encrypt") this.#fail(failed.from, failed.text, failed.remedy, false);
    else this.#warn(failed.from, failed.text, failed.remedy);
  }

  /** INB-11 to INB-15 */
  #clientCertificate(level: Level): void {
    const ask = this.#view.setting("smtpd_tls_ask_ccert");
    const require = this.#view.setting("smtpd_tls_req_ccert");
    const asked = this.#view.flag("smtpd_tls_ask_ccert");
    const required = this.#view.flag("smtpd_tls_req_ccert");
    if (required && level === "may") {
      const remedy = "set smtpd_tls_security_level = encrypt for this service";
      this.#warn(require.from, "Can't require client certs unless TLS is required", remedy);
    }
    if (required && level === "encrypt") {
      this.#fields.clientCertificate = { value: "require-trusted", from: require.from };
    } else this.#fields.clientCertificate = { value: asked ? "ask" : "do-not-ask", from: ask.from };
    if (this.#fields.clientCertificate.value !== "do-not-ask") this.#clientAnchors(level);
  }

  #clientAnchors(level: Level): void {
    const file = this.#view.setting("smtpd_tls_CAfile");
    const folder = this.#view.setting("smtpd_tls_CApath");
    const paths = { file: this.#view.path(file.value), folder: this.#view.path(folder.value) };
    const trust = readAuthorities({ ...paths, appendDefault: this.#view.flag("tls_append_default_CA") }, this.#files);
    const from = file.value === "" ? folder.from : file.from;
    // INB-12
    const serverToo = this.#view.flag("tls_trust_server_ccerts");
    const purpose = this.#view.setting("tls_trust_server_ccerts").from;
    this.#fields.clientPurpose = { value: serverToo ? "client-or-server" : "client", from: purpose };
    if (trust.kind === "anchors") this.#fields.clientAnchors = { value: trust.anchors, from };
    else if (level === "encrypt") this.#fail(from, trust.problem, "give a CA file that can be read", false);
    else this.#warn(from, trust.problem, "give a CA file that can be read");
  }
}

function starttls(level: Level): "never" | "offer" | "require" {
  if (level === "none") return "never";
  return level === "may" ? "offer" : "require";
}
