/**
 * GnuTLS priority strings (`tls_ciphers` with `tls_engine = gnutls`) in OpenSSL's terms. Only what can be said without
 * loss; anything else is an error, so that no cipher string is silently another one.
 */
import { defaultSuites } from "./values.ts";

export type Priority =
  | Readonly<{
      kind: "priority";
      /** Lower case. */
      enabled: ReadonlySet<string>;
      /** OpenSSL's list and suites; `undefined`: Letterlock's own. */
      ciphers: string | undefined;
      groups: string | undefined;
    }>
  | Readonly<{ kind: "error"; text: string }>;

type Base = Readonly<{ versions: readonly string[]; ciphers?: string; groups?: string }>;

const all = ["tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
const strong =
  "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AES256:ECDHE+CHACHA20:DHE+AES256:DHE+CHACHA20";

const bases: Readonly<Record<string, Base>> = {
  NORMAL: { versions: all },
  PERFORMANCE: { versions: all },
  SECURE128: { versions: all },
  SECURE192: { versions: all, ciphers: strong, groups: "secp384r1:secp521r1:ffdhe8192" },
  SECURE256: { versions: all, ciphers: strong, groups: "secp521r1:ffdhe8192" },
  /** Nothing is on, and no cipher can be added here. */
  NONE: { versions: [] },
};

/** Off in any case, or said of servers alone. */
const withoutEffect = new Set(["-ARCFOUR-128", "-3DES-CBC", "-RSA", "%SERVER_PRECEDENCE", "%COMPAT"]);

export function translatePriority(text: string): Priority {
  const [keyword = "", ...rest] = text.trim().toUpperCase().split(":");
  const base = Object.hasOwn(bases, keyword) ? bases[keyword] : undefined;
  if (base === undefined) {
    return { kind: "error", text: `'${keyword}' is no keyword to begin with (${Object.keys(bases).join(", ")})` };
  }
  const versions = new Set(base.versions);
  for (const written of rest) {
    const token = written.replace(/^!/, "-");
    if (withoutEffect.has(token)) continue;
    const [, sign, name] = /^([+-])VERS-(.+)$/.exec(token) ?? [];
    const named = name === undefined ? undefined : versionsOf(name);
    if (named === undefined) return { kind: "error", text: `'${written}' has no exact meaning in OpenSSL's terms` };
    for (const version of named) {
      if (sign === "+") versions.add(version);
      else versions.delete(version);
    }
  }
  if (keyword === "NONE") versions.clear();
  return { kind: "priority", enabled: versions, ciphers: base.ciphers, groups: base.groups };
}

/** SSL and DTLS are known and stand for nothing. */
function versionsOf(name: string): readonly string[] | undefined {
  if (name === "ALL" || name === "TLS-ALL") return all;
  if (/^TLS1\.[0-3]$/.test(name)) return [name.replace("TLS", "tlsv")];
  return /^(?:SSL3\.0|DTLS(?:1\.[02]|0\.9|-ALL))$/.test(name) ? [] : undefined;
}

/** Suites always stand beside an OpenSSL list: it governs TLS 1.2 alone. */
export function withSuites(ciphers: string, suites: string = defaultSuites): string {
  return `${suites}:${ciphers}`;
}
