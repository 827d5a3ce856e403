/**
 * The TLS directives of PowerMTA 4.5 to 5.x, outbound and inbound (reference, sections 2.1 and 2.2).
 */
import type { PowerMtaOption, ValueKind } from "./option-types.ts";

type Row = readonly [
  name: string,
  status: PowerMtaOption["status"],
  kind: ValueKind,
  values: string,
  fallback: string,
  reason: string,
];

export const defaultTls12Ciphers = "HIGH:!ADH:@STRENGTH";

export const defaultTls13Suites = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_128_CCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
].join(":");

const neverOld = "TLS 1.0, TLS 1.1 and SSL 3.0 are never negotiated (RFC 8996), whatever this says.";
const flag = "yes|no";

const outbound: readonly Row[] = [
  ["use-starttls", "applied", "boolean", flag, "yes", "`no`: level none. `yes`: TLS where the host offers it."],
  [
    "require-starttls",
    "applied",
    "boolean",
    flag,
    "no",
    "With `use-starttls`: level encrypt. Otherwise clear text on the same host as soon as TLS fails.",
  ],
  [
    "use-dane",
    "differs",
    "boolean",
    flag,
    "yes in 5.0, no later",
    "`yes` makes no connection until DANE evidence is gathered here; where nothing is written DANE is not used.",
  ],
  ["use-mta-sts", "differs", "boolean", flag, "no", "`yes` makes no connection until MTA-STS is looked up here."],
  ["reuse-ssl-session", "no-effect", "boolean", flag, "no", "Every connection makes a full handshake."],
  ["smtp-tls-allow-sslv3", "differs", "boolean", flag, "no", neverOld],
  ["smtp-tls-allow-tlsv1", "differs", "boolean", flag, "no", neverOld],
  ["smtp-tls-allow-tlsv1.1", "differs", "boolean", flag, "yes", neverOld],
  ["smtp-tls-allow-tlsv1.2", "applied", "boolean", flag, "yes", "Whether TLS 1.2 may be used."],
  ["smtp-tls-allow-tlsv1.3", "applied", "boolean", flag, "yes", "Whether TLS 1.3 may be used."],
  [
    "smtp-tls-ciphers",
    "applied",
    "ciphers",
    "OpenSSL list",
    defaultTls12Ciphers,
    "Ciphers of TLS 1.2; those without forward secrecy, RC4 and 3DES are always left out.",
  ],
  ["smtp-tls-tlsv1.3-ciphersuites", "applied", "suites", "OpenSSL suites", defaultTls13Suites, "Suites of TLS 1.3."],
  [
    "smtp-tls-ca-file",
    "applied",
    "file",
    'FILE or ""',
    "none",
    "The chain must lead to one of these, names are not compared; without require-starttls a chain that does not leads to clear text.",
  ],
  [
    "smtp-client-certificate",
    "applied",
    "file-password",
    'FILE [PASSWORD] or ""',
    "none",
    "Shown to a host that asks for a certificate.",
  ],
  ["log-tls", "no-effect", "boolean", flag, "no", "What was negotiated is always recorded."],
  [
    "use-unencrypted-plain-auth",
    "no-effect",
    "boolean",
    flag,
    "no",
    "We do not log in to the hosts that we deliver to.",
  ],
  ["auth-username", "differs", "text", 'TEXT or ""', "none", "We do not log in to the hosts that we deliver to."],
  ["auth-password", "differs", "text", 'TEXT or ""', "none", "We do not log in to the hosts that we deliver to."],
];

const server: readonly Row[] = [
  [
    "certificate",
    "applied",
    "file-password",
    "FILE [PASSWORD]",
    "none",
    "Shown to clients; without it no TLS is offered.",
  ],
  ["ca-file", "applied", "file", "FILE", "none", "Clients are asked for a certificate; it is checked against these."],
  ["ciphers", "applied", "ciphers", "OpenSSL list", defaultTls12Ciphers, "Ciphers of TLS 1.2 towards clients."],
  ["allow-sslv3", "differs", "boolean", flag, "no", neverOld],
  ["allow-tlsv1", "differs", "boolean", flag, "no", neverOld],
  ["allow-tlsv1.1", "differs", "boolean", flag, "yes", neverOld],
  ["allow-tlsv1.2", "applied", "boolean", flag, "yes", "Whether TLS 1.2 may be used."],
  [
    "allow-tlsv1.3",
    "applied",
    "boolean",
    flag,
    "yes",
    "Whether TLS 1.3 may be used (not in the guides; taken by analogy).",
  ],
  [
    "tlsv1.3-ciphersuites",
    "applied",
    "suites",
    "OpenSSL suites",
    defaultTls13Suites,
    "Suites of TLS 1.3 (not in the guides; taken by analogy).",
  ],
];

const listener: readonly Row[] = [
  ["immediate-tls", "applied", "boolean", flag, "no", "`yes`: TLS begins with the connection."],
  ["source", "applied", "word", "NAME", "none", "That source's settings go before those found by client address."],
  ["await-slot", "no-effect", "boolean", flag, "no", "Limits are those of letterlock.yaml."],
];

const source: readonly Row[] = [
  ["allow-starttls", "applied", "boolean", flag, "no", "`yes`: STARTTLS is offered."],
  ["require-starttls-before-auth", "applied", "boolean", flag, "no", "`yes`: AUTH only inside TLS."],
  ["allow-unencrypted-plain-auth", "applied", "boolean", flag, "no", "`no`: PLAIN and LOGIN only inside TLS."],
  ["allow-auth", "applied", "boolean", flag, "yes", "`no`: AUTH is not offered."],
  ["require-auth", "applied", "boolean", flag, "no", "`yes`: no mail before AUTH, to our own domains neither."],
  [
    "smtp-max-auth-failure-rate",
    "differs",
    "any",
    "RATE",
    "unlimited",
    "Failed log-ins are limited by `auth` of letterlock.yaml, by address and for all sources alike.",
  ],
  ["log-tls", "no-effect", "boolean", flag, "no", "What was negotiated is always recorded."],
];

const user: readonly Row[] = [
  [
    "password",
    "applied",
    "any",
    "TEXT",
    "none",
    "The user logs in with it: by PLAIN, LOGIN, and CRAM-MD5, which needs it as it is.",
  ],
  [
    "authentication-method",
    "applied",
    "word",
    "password|system|certificate",
    "password",
    "`certificate`: the user is who shows that certificate. `system`: he cannot log in here.",
  ],
  ["tls-certificate", "applied", "file", "FILE", "none", "The certificate of that user, compared by its SHA-256."],
  ["source", "applied", "word", "NAME", "none", "Once he has logged in, its settings go before all others."],
];

const monitor = "The web monitor of PowerMTA is not part of this.";

export const tlsOptions: readonly PowerMtaOption[] = [
  ...rows(outbound, ["domain"]),
  ...rows(prefixed(server, "smtp-server-tls-"), ["global"]),
  ...rows(prefixed(server, "tls-"), ["smtp-listener"]),
  ...rows(listener, ["smtp-listener"]),
  {
    name: "smtp-listener",
    status: "applied",
    kind: "listener",
    values: "CIDR:PORT [source=NAME] [tls=yes]",
    default: "0.0.0.0:25",
    scopes: ["global"],
    reason:
      "Opened where letterlock.yaml names no listeners; else what the listener there at that address and port offers. Where none is written either, Letterlock listens on loopback.",
  },
  ...rows(source, ["source"]),
  ...rows(user, ["smtp-user"]),
  ...rows(unused(prefixed(server.slice(1), "http-tls-"), monitor), ["global"]),
  ...rows(unused(prefixed(server, "tls-"), "There is no HTTP submission here."), ["transmissions-api-listener"]),
  ...rows(
    [["log-tls", "no-effect", "boolean", flag, "no", "There is no HTTP submission here."]],
    ["transmissions-api"],
  ),
  ...rows(
    [
      ["http-log-tls", "no-effect", "boolean", flag, "no", monitor],
      ["http-redirect-to-https", "no-effect", "boolean", flag, "yes in 5.0", monitor],
      ["http-strict-transport-security-max-age", "no-effect", "any", "SECONDS", "0", monitor],
      ["name-server", "no-effect", "any", "IP, repeatable", "the system's", "Resolvers are those of letterlock.yaml."],
    ],
    ["global"],
  ),
];

function rows(list: readonly Row[], scopes: readonly string[]): PowerMtaOption[] {
  return list.map(([name, status, kind, values, fallback, reason]) => ({
    name,
    status,
    kind,
    values,
    default: fallback,
    scopes,
    reason,
  }));
}

function prefixed(list: readonly Row[], prefix: string): Row[] {
  return list.map(([name, ...rest]) => [`${prefix}${name}`, ...rest]);
}

function unused(list: readonly Row[], reason: string): Row[] {
  return list.map(([name, , , values, fallback]) => [name, "no-effect", "any", values, fallback, reason]);
}
