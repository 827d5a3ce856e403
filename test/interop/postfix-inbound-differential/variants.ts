/**
 * The configurations: services of one master.cf, each with parameters of its own, so that one main.cf and one master.cf
 * hold them all. Paths are those that Postfix sees in its root folder.
 */
export type ClientCertificate = "none" | "trusted" | "untrusted" | "listed";

export type Variant = Readonly<{
  name: string;
  port: number;
  /** `-o name=value` of its service. */
  options: Readonly<Record<string, string>>;
  implicitTls: boolean;
  /** What its clients may hold. */
  certificates: readonly ClientCertificate[];
  /** The newest version that its clients speak. */
  versions: readonly ("TLSv1.2" | "TLSv1.3")[];
  /** AUTH means something here. */
  auth: boolean;
  serverNames: readonly (string | undefined)[];
}>;

/** Where Postfix sees the folder of the test. */
export const root = "/mnt";
export const hostname = "mx.relay.test";
export const serverAddress = "192.0.2.1";
export const clientAddresses = { network: "192.0.2.77", stranger: "198.51.100.7" } as const;
export const users = { name: "alice", password: "wonderland" } as const;

type Sketch = Partial<Pick<Variant, "implicitTls" | "certificates" | "versions" | "auth" | "serverNames">> &
  Readonly<{ name: string; options: Readonly<Record<string, string>> }>;

const level = (value: string) => ({ smtpd_tls_security_level: value });
const everyCertificate = ["none", "trusted", "untrusted", "listed"] as const;
const everyVersion = ["TLSv1.2", "TLSv1.3"] as const;
const ask = { smtpd_tls_ask_ccert: "yes" };
const require = { smtpd_tls_req_ccert: "yes" };
const wrapper = { smtpd_tls_wrappermode: "yes" };
const sasl = { smtpd_sasl_auth_enable: "yes" };

const sketches: readonly Sketch[] = [
  { name: "none", options: level("none") },
  { name: "may", options: level("may") },
  { name: "pipelining", options: { ...level("may"), smtpd_forbid_unauth_pipelining: "no" } },
  { name: "encrypt", options: level("encrypt") },
  { name: "verify", options: level("verify") },
  { name: "obsolete", options: { smtpd_use_tls: "yes", smtpd_tls_security_level: "" } },
  { name: "wrapper", options: wrapper, implicitTls: true },
  { name: "auth-only", options: { ...level("may"), ...sasl, smtpd_tls_auth_only: "yes" }, auth: true },
  { name: "auth-clear", options: { ...level("may"), ...sasl, smtpd_tls_auth_only: "no" }, auth: true },
  { name: "auth-unwritten", options: { ...level("may"), ...sasl }, auth: true },
  { name: "auth-encrypt", options: { ...level("encrypt"), ...sasl }, auth: true },
  {
    name: "submission",
    options: { ...level("encrypt"), ...sasl, smtpd_client_restrictions: "permit_sasl_authenticated,reject" },
    auth: true,
  },
  {
    name: "submissions",
    options: { ...wrapper, ...sasl, smtpd_relay_restrictions: "permit_sasl_authenticated,reject" },
    implicitTls: true,
    auth: true,
  },
  {
    name: "listed",
    options: { ...level("may"), ...ask, smtpd_relay_restrictions: "permit_tls_clientcerts,reject_unauth_destination" },
    certificates: everyCertificate,
  },
  {
    name: "all-trusted",
    options: {
      ...level("may"),
      ...ask,
      smtpd_relay_restrictions: "permit_tls_all_clientcerts,reject_unauth_destination",
    },
    certificates: everyCertificate,
  },
  {
    name: "listed-only",
    options: { ...level("may"), ...ask, smtpd_client_restrictions: "permit_tls_clientcerts,reject" },
    certificates: everyCertificate,
  },
  {
    name: "trusted-only",
    options: { ...level("may"), ...ask, smtpd_recipient_restrictions: "permit_tls_all_clientcerts,reject" },
    certificates: everyCertificate,
  },
  {
    name: "certificate-table",
    options: {
      ...level("may"),
      ...ask,
      smtpd_helo_restrictions: `check_ccert_access,texthash:${root}/etc/clients,reject_plaintext_session,reject`,
    },
    certificates: everyCertificate,
  },
  {
    name: "deferring",
    options: { ...level("may"), smtpd_relay_restrictions: "permit_mynetworks,defer_unauth_destination" },
  },
  {
    name: "protocols",
    options: { ...level("may"), smtpd_tls_protocols: ">=TLSv1.3", smtpd_tls_mandatory_protocols: "TLSv1.2" },
    versions: everyVersion,
  },
  {
    name: "mandatory-protocols",
    options: { ...level("encrypt"), smtpd_tls_protocols: "TLSv1.2", smtpd_tls_mandatory_protocols: ">=TLSv1.3" },
    versions: everyVersion,
  },
  {
    name: "ciphers",
    options: {
      ...level("encrypt"),
      smtpd_tls_mandatory_ciphers: "high",
      smtpd_tls_mandatory_exclude_ciphers: "aNULL,ECDSA",
    },
    versions: everyVersion,
  },
  { name: "not-asked", options: level("may"), certificates: everyCertificate },
  { name: "required", options: { ...level("encrypt"), ...require }, certificates: everyCertificate },
  { name: "required-wrapper", options: { ...wrapper, ...require }, implicitTls: true, certificates: everyCertificate },
  { name: "required-at-may", options: { ...level("may"), ...require }, certificates: everyCertificate },
  { name: "no-certificate", options: { ...level("may"), smtpd_tls_chain_files: "" } },
  { name: "no-certificate-encrypt", options: { ...level("encrypt"), smtpd_tls_chain_files: "" } },
  {
    name: "unreadable-certificate-encrypt",
    options: { ...level("encrypt"), smtpd_tls_chain_files: `${root}/tls/missing.pem` },
  },
  {
    name: "unreadable-certificate",
    options: { ...level("may"), smtpd_tls_chain_files: `${root}/tls/missing.pem` },
  },
  { name: "plaintext", options: { ...level("may"), smtpd_client_restrictions: "reject_plaintext_session" } },
  {
    name: "plaintext-early",
    options: {
      ...level("may"),
      smtpd_sender_restrictions: "reject_plaintext_session",
      smtpd_delay_reject: "no",
      plaintext_reject_code: "550",
    },
  },
  {
    name: "plaintext-data",
    options: { ...level("may"), smtpd_data_restrictions: "permit_mynetworks,reject_plaintext_session" },
  },
  {
    name: "by-sender",
    options: {
      ...level("may"),
      smtpd_sender_restrictions: "check_sender_access,inline:{strict.test=needs_tls,liar@=REJECT}",
    },
  },
  {
    name: "by-recipient",
    options: {
      ...level("may"),
      smtpd_recipient_restrictions:
        "check_recipient_access,inline:{{secret@relay.test=reject_plaintext_session},{none@=550 5.1.1 nobody},{later@=DEFER}}",
    },
  },
  {
    name: "by-client",
    options: { ...level("may"), smtpd_client_restrictions: "check_client_access,inline:{198.51.100=needs_tls}" },
  },
  {
    name: "sni",
    options: { ...level("may"), tls_server_sni_maps: `texthash:${root}/etc/sni` },
    serverNames: [undefined, "one.test", "a.below.test", "a.b.below.test", "below.test", "unknown.test", "ONE.test"],
  },
  { name: "helo-required", options: { ...level("may"), smtpd_helo_required: "yes" } },
  {
    name: "both-keys",
    options: { ...level("may"), smtpd_tls_chain_files: `${root}/tls/rsa.pem,${root}/tls/server.pem` },
  },
];

const firstPort = 10_025;

export const variants: readonly Variant[] = sketches.map((sketch, index) => ({
  implicitTls: false,
  certificates: ["none"],
  versions: ["TLSv1.3"],
  auth: false,
  serverNames: [undefined],
  ...sketch,
  port: firstPort + index,
}));
