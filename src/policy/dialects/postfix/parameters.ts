/**
 * Every parameter and policy attribute about TLS that Postfix has, and the few others that Letterlock reads: what it
 * takes, and what becomes of it here. The compiler writes its notes from this table, docs/dialects/postfix.md is
 * generated from it. Defaults are those of Postfix 3.10 (`known-parameters.ts`).
 */
import { knownParameters } from "./known-parameters.ts";

export type OptionEntry = Readonly<{
  name: string;
  status: "applied" | "no-effect" | "differs";
  values: string;
  default: string;
  /** Where it may stand. */
  scopes: string;
  /** What it does here, or why nothing. */
  reason: string;
}>;

type Row = readonly [name: string, status: OptionEntry["status"], values: string, reason: string];

const yesNo = "yes, no";
const list = "comma or blank separated list";
const levels = "none, may, encrypt, fingerprint, verify, secure, dane, dane-only";
const pem = "PEM file";
const time = "time (default unit s)";
const protocolNames = "SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3, !NAME, >=NAME, <=NAME";
const grade = "high, medium, low, export, null";
const oldProtocols = "TLS 1.2 and 1.3 are what is ever spoken; older names are read and allow nothing";
const weakCiphers = "as an OpenSSL list; NULL, anonymous, RC4, 3DES and static RSA are never used, whatever it says";
const ourLog = "Letterlock records every connection in full";
const ownTimeout = "Letterlock has its own time limits";

const outbound: readonly Row[] = [
  ["smtp_tls_security_level", "applied", levels, "the level where no policy line answers"],
  [
    "smtp_tls_policy_maps",
    "applied",
    "type:name tables",
    "asked by next-hop, then .parent; the first hit is the policy",
  ],
  ["smtp_tls_per_site", "applied", "type:name tables", "obsolete; used where smtp_tls_policy_maps is empty"],
  ["smtp_use_tls", "applied", yesNo, "obsolete; level may where smtp_tls_security_level is empty"],
  ["smtp_enforce_tls", "applied", yesNo, "obsolete; level verify where smtp_tls_security_level is empty"],
  ["smtp_tls_enforce_peername", "applied", yesNo, "obsolete; no: smtp_enforce_tls means encrypt"],
  ["smtp_tls_verify_cert_match", "applied", "names, hostname, nexthop, dot-nexthop", "match of level verify"],
  ["smtp_tls_secure_cert_match", "applied", "names, hostname, nexthop, dot-nexthop", "match of level secure"],
  ["smtp_tls_fingerprint_cert_match", "applied", "hexadecimal digests", "digests of level fingerprint"],
  ["smtp_tls_fingerprint_digest", "applied", "md5, sha1, sha256, sha512", "a policy that needs another one is refused"],
  ["smtp_tls_trust_anchor_file", "applied", `${pem}s`, "certificates in it count wherever they stand in the chain"],
  ["smtp_tls_scert_verifydepth", "differs", "number", "the length of a chain is limited by OpenSSL alone"],
  ["smtp_tls_servername", "applied", "name, hostname, nexthop", "SNI; none by default"],
  ["smtp_tls_wrappermode", "applied", yesNo, "TLS from the first octet"],
  ["smtp_tls_connection_reuse", "no-effect", yesNo, "Letterlock reuses connections made under the same policy"],
  [
    "smtp_tls_enable_rpk",
    "no-effect",
    yesNo,
    "raw public keys are not asked for; certificates are compared all the same",
  ],
  ["smtp_starttls_timeout", "no-effect", time, ownTimeout],
  ["smtp_tls_block_early_mail_reply", "no-effect", yesNo, "octets in clear behind STARTTLS always end the connection"],
  ["minimal_backoff_time", "applied", time, "the age from which clear text follows a failed handshake at may"],
  ["soft_bounce", "applied", yesNo, "yes: a 5yz to STARTTLS does not return the mail"],
  ["smtp_cname_overrides_servername", "differs", yesNo, "the certificate is compared with the name from the MX record"],
  ["smtp_tls_CAfile", "applied", pem, "trusted CAs; none configured: no certificate is trusted"],
  ["smtp_tls_CApath", "applied", "folder of hashed PEM files", "trusted CAs"],
  ["tls_append_default_CA", "applied", yesNo, "the system's CAs as well, where CAfile or CApath is set"],
  ["smtp_tls_cert_file", "applied", pem, "client certificate with its chain"],
  ["smtp_tls_key_file", "applied", pem, "its key"],
  ["smtp_tls_eccert_file", "applied", pem, "ECDSA client certificate; goes before the RSA one"],
  ["smtp_tls_eckey_file", "applied", pem, "its key"],
  ["smtp_tls_dcert_file", "no-effect", pem, "DSA certificates are not used"],
  ["smtp_tls_dkey_file", "no-effect", pem, "DSA certificates are not used"],
  ["smtp_tls_chain_files", "applied", `${pem}s`, "keys, each followed by its chain; one of them is shown, ECDSA first"],
  ["smtp_tls_protocols", "applied", protocolNames, `at may; ${oldProtocols}`],
  ["smtp_tls_mandatory_protocols", "applied", protocolNames, `at encrypt and stronger; ${oldProtocols}`],
  ["smtp_tls_ciphers", "applied", grade, `at may; ${weakCiphers}`],
  ["smtp_tls_mandatory_ciphers", "applied", grade, `at encrypt and stronger; ${weakCiphers}`],
  ["smtp_tls_exclude_ciphers", "applied", list, "left out at every level"],
  ["smtp_tls_mandatory_exclude_ciphers", "applied", list, "left out at encrypt and stronger as well"],
  ["tls_high_cipherlist", "applied", "OpenSSL cipher list", weakCiphers],
  ["tls_medium_cipherlist", "applied", "OpenSSL cipher list", weakCiphers],
  [
    "tls_null_cipherlist",
    "applied",
    "OpenSSL cipher list",
    "unencrypted ciphers are never used: such a policy is refused",
  ],
  ["tls_low_cipherlist", "no-effect", "OpenSSL cipher list", "low has meant medium since Postfix 3.8"],
  ["tls_export_cipherlist", "no-effect", "OpenSSL cipher list", "export has meant medium since Postfix 3.8"],
  ["tls_eecdh_auto_curves", "applied", "group names", "offered groups, where it is set"],
  ["tls_ffdhe_auto_groups", "applied", "group names", "offered groups, where tls_eecdh_auto_curves is set"],
  ["smtp_tls_session_cache_database", "no-effect", "type:name", "no session is ever offered again"],
  ["smtp_tls_session_cache_timeout", "no-effect", time, "no session is ever offered again"],
  [
    "smtp_dns_support_level",
    "applied",
    "disabled, enabled, dnssec",
    "without dnssec, dane is may and dane-only refuses",
  ],
  ["smtp_host_lookup", "applied", "dns, native", "without dns, dane is may and dane-only refuses"],
  ["smtp_tls_dane_insecure_mx_policy", "no-effect", "dane, encrypt, may", "DANE levels make no connection yet"],
  ["smtp_tls_force_insecure_host_tlsa_lookup", "no-effect", yesNo, "DANE levels make no connection yet"],
  ["smtp_tls_enforce_sts_mx_patterns", "applied", yesNo, "MX hosts that fit no mx_host_pattern are passed over"],
  ["smtp_tlsrpt_enable", "no-effect", yesNo, "reports are not Postfix's to make here"],
  ["smtp_tlsrpt_socket_name", "no-effect", "path", "reports are not Postfix's to make here"],
  ["smtp_tlsrpt_skip_reused_handshakes", "no-effect", yesNo, "reports are not Postfix's to make here"],
  ["smtp_requiretls_policy", "no-effect", "actions and tables", "REQUIRETLS is not offered yet"],
  ["smtp_tls_loglevel", "no-effect", "0 to 4, topics", ourLog],
  ["smtp_tls_loglevel_maps", "no-effect", "type:name tables", ourLog],
  ["smtp_tls_note_starttls_offer", "no-effect", yesNo, ourLog],
  ["smtp_log_tls_feature_status", "no-effect", yesNo, ourLog],
];

const shared: readonly Row[] = [
  ["dnssec_probe", "no-effect", "type:name", "resolvers are trusted as Letterlock's own settings say"],
  ["tls_dane_digests", "no-effect", "digest names", "DANE levels make no connection yet"],
  ["tls_required_enable", "differs", yesNo, "TLS-Required: no in a message never weakens a policy here"],
  ["requiretls_enable", "no-effect", yesNo, "REQUIRETLS is not offered yet"],
  ["requiretls_redact_dsn", "no-effect", yesNo, "REQUIRETLS is not offered yet"],
  ["requiretls_esmtp_header", "no-effect", yesNo, "REQUIRETLS is not offered yet"],
  ["tls_config_file", "differs", "default, none, file", "Letterlock's own OpenSSL settings hold"],
  ["tls_config_name", "differs", "section name", "Letterlock's own OpenSSL settings hold"],
  ["tls_fast_shutdown_enable", "no-effect", yesNo, "Letterlock ends connections in its own way"],
  ["tls_disable_workarounds", "no-effect", list, "Letterlock's own OpenSSL settings hold"],
  ["tls_ssl_options", "no-effect", list, "compression, renegotiation and tickets are always off"],
  ["tls_preempt_cipherlist", "no-effect", yesNo, "the server's order always counts"],
  ["tls_legacy_public_key_fingerprints", "no-effect", yesNo, "the digest of the SPKI structure is compared"],
  [
    "tls_wildcard_matches_multiple_labels",
    "no-effect",
    yesNo,
    "a star stands for one label, as Postfix itself does it",
  ],
  ["tls_eecdh_strong_curve", "no-effect", "group name", "meaningless since Postfix 3.6"],
  ["tls_eecdh_ultra_curve", "no-effect", "group name", "meaningless since Postfix 3.6"],
  ["tls_session_ticket_cipher", "no-effect", "cipher", "Node encrypts tickets itself"],
  ["tls_trust_server_ccerts", "no-effect", yesNo, "client certificates need the client purpose"],
  ["tls_daemon_random_bytes", "no-effect", "number", "random octets come from the system"],
  ["tls_random_bytes", "no-effect", "number", "random octets come from the system"],
  ["tls_random_exchange_name", "no-effect", "path", "random octets come from the system"],
  ["tls_random_prng_update_period", "no-effect", time, "random octets come from the system"],
  ["tls_random_reseed_period", "no-effect", time, "random octets come from the system"],
  ["tls_random_source", "no-effect", "source", "random octets come from the system"],
  ["tlsmgr_service_name", "no-effect", "name", "there is no such process here"],
];

const inbound: readonly Row[] = [
  ["smtpd_tls_security_level", "applied", "none, may, encrypt", "fingerprint, verify and secure count as encrypt"],
  ["smtpd_tls_wrappermode", "applied", yesNo, "TLS from the first octet"],
  ["smtpd_use_tls", "applied", yesNo, "obsolete; level may where smtpd_tls_security_level is empty"],
  ["smtpd_enforce_tls", "applied", yesNo, "obsolete; level encrypt where smtpd_tls_security_level is empty"],
  ["smtpd_tls_auth_only", "applied", yesNo, "AUTH inside TLS alone"],
  ["smtpd_tls_cert_file", "applied", pem, "server certificate with its chain"],
  ["smtpd_tls_key_file", "applied", pem, "its key"],
  ["smtpd_tls_eccert_file", "applied", pem, "ECDSA server certificate; goes before the RSA one"],
  ["smtpd_tls_eckey_file", "applied", pem, "its key"],
  ["smtpd_tls_dcert_file", "no-effect", pem, "DSA certificates are not used"],
  ["smtpd_tls_dkey_file", "no-effect", pem, "DSA certificates are not used"],
  [
    "smtpd_tls_chain_files",
    "applied",
    `${pem}s`,
    "keys, each followed by its chain; one of them is shown, ECDSA first",
  ],
  [
    "tls_server_sni_maps",
    "differs",
    "type:name tables",
    "the default certificate is shown whatever name a client asks for",
  ],
  ["smtpd_tls_ask_ccert", "applied", yesNo, "clients may show a certificate"],
  ["smtpd_tls_req_ccert", "applied", yesNo, "at encrypt: clients must show a trusted certificate"],
  ["smtpd_tls_CAfile", "applied", pem, "trusted CAs for client certificates"],
  ["smtpd_tls_CApath", "applied", "folder of hashed PEM files", "trusted CAs for client certificates"],
  ["smtpd_tls_ccert_verifydepth", "differs", "number", "the length of a chain is limited by OpenSSL alone"],
  ["relay_clientcerts", "applied", "type:name tables", "digests of clients that may relay (permit_tls_clientcerts)"],
  ["smtpd_tls_fingerprint_digest", "applied", "md5, sha1, sha256, sha512", "digest of relay_clientcerts"],
  ["smtpd_tls_protocols", "applied", protocolNames, `at may; ${oldProtocols}`],
  ["smtpd_tls_mandatory_protocols", "applied", protocolNames, `at encrypt; ${oldProtocols}`],
  ["smtpd_tls_ciphers", "applied", grade, `at may; ${weakCiphers}`],
  ["smtpd_tls_mandatory_ciphers", "applied", grade, `at encrypt; ${weakCiphers}`],
  ["smtpd_tls_exclude_ciphers", "applied", list, "left out at every level"],
  ["smtpd_tls_mandatory_exclude_ciphers", "applied", list, "left out at encrypt as well"],
  ["smtpd_relay_restrictions", "differs", list, "only permit_tls_clientcerts and permit_tls_all_clientcerts are read"],
  [
    "smtpd_recipient_restrictions",
    "differs",
    list,
    "only permit_tls_clientcerts and permit_tls_all_clientcerts are read",
  ],
  ["smtpd_tls_received_header", "no-effect", yesNo, "Letterlock always says in Received: how mail came in"],
  ["smtpd_tls_loglevel", "no-effect", "0 to 4", ourLog],
  ["smtpd_starttls_timeout", "no-effect", time, ownTimeout],
  ["smtpd_client_new_tls_session_rate_limit", "no-effect", "number", "Letterlock has its own limits"],
  ["smtpd_tls_session_cache_database", "no-effect", "type:name", "no sessions are kept"],
  ["smtpd_tls_session_cache_timeout", "no-effect", time, "no sessions are kept"],
  ["smtpd_tls_always_issue_session_ids", "no-effect", yesNo, "no sessions are kept"],
  ["smtpd_tls_eecdh_grade", "no-effect", "auto, none", "meaningless since Postfix 3.6"],
  ["smtpd_tls_dh1024_param_file", "no-effect", pem, "meaningless since Postfix 3.7"],
  ["smtpd_tls_dh512_param_file", "no-effect", pem, "meaningless since Postfix 3.7"],
  ["smtpd_tls_enable_rpk", "no-effect", yesNo, "raw public keys are not shown"],
  ["plaintext_reject_code", "no-effect", "code", "reject_plaintext_session is not read"],
];

const routing: readonly Row[] = [
  ["transport_maps", "applied", "type:name tables", "next-hop by address, domain and .parent"],
  ["relayhost", "applied", "next-hop list", "next-hop where no transport gives one"],
  ["sender_dependent_relayhost_maps", "applied", "type:name tables", "next-hop by sender, before relayhost"],
  [
    "sender_dependent_default_transport_maps",
    "applied",
    "type:name tables",
    "transport by sender, before default_transport",
  ],
  ["empty_address_relayhost_maps_lookup_key", "applied", "text", "the key of a null sender"],
  ["empty_address_default_transport_maps_lookup_key", "applied", "text", "the key of a null sender"],
  ["default_transport", "applied", "transport[:next-hop]", "where no other applies"],
  ["relay_transport", "applied", "transport[:next-hop]", "for relay_domains"],
  ["relay_domains", "applied", list, "domains that go through relay_transport"],
  ["mydestination", "applied", list, "local domains: their mail waits, Letterlock delivers to no mailbox"],
  ["virtual_alias_domains", "applied", list, "as mydestination"],
  ["virtual_mailbox_domains", "applied", list, "domains that go through virtual_transport"],
  ["local_transport", "applied", "transport[:next-hop]", "for mydestination; mail for a mailbox waits"],
  ["virtual_transport", "applied", "transport[:next-hop]", "for virtual_mailbox_domains; mail for a mailbox waits"],
  ["smtp_fallback_relay", "applied", "next-hop list", "tried last, each under its own policy"],
  ["smtp_tcp_port", "applied", "port", "port of next-hops that name none"],
  ["parent_domain_matches_subdomains", "applied", list, "for relay_domains and transport_maps"],
  ["recipient_delimiter", "applied", "characters", "addresses are also looked up without their extension"],
  [
    "content_filter",
    "differs",
    "transport:next-hop",
    "mail is not handed to a filter; its next-hop has a policy like any other",
  ],
  ["myhostname", "applied", "name", "our name"],
  ["mydomain", "applied", "name", "for values that name it"],
  ["smtp_helo_name", "applied", "name", "EHLO name"],
  ["smtp_bind_address", "applied", "IPv4 address", "source address"],
  ["smtp_bind_address6", "applied", "IPv6 address", "source address"],
  ["compatibility_level", "applied", "level", "decides defaults"],
];

const attributes: readonly Row[] = [
  ["match", "applied", "names or digests", "what the certificate must show; replaces the main.cf list"],
  ["protocols", "applied", `${protocolNames}, separated by :`, oldProtocols],
  ["ciphers", "applied", grade, weakCiphers],
  ["exclude", "applied", "names separated by :", "replaces the exclude lists of main.cf"],
  ["tafile", "applied", pem, "replaces CAfile and CApath; a bare public key makes the policy refuse"],
  ["servername", "applied", "name, hostname, nexthop", "SNI"],
  ["connection_reuse", "no-effect", yesNo, "Letterlock reuses connections made under the same policy"],
  ["enable_rpk", "no-effect", yesNo, "raw public keys are not asked for"],
  [
    "policy_type",
    "applied",
    "sts, no-policy-found",
    "sts with match and mx_host_pattern: certificates name the MX host",
  ],
  ["policy_domain", "no-effect", "name", "for reports"],
  ["policy_string", "no-effect", "text", "for reports"],
  ["mx_host_pattern", "applied", "host or *.domain", "MX hosts that fit none are passed over"],
  ["policy_failure", "applied", "failure name", "at levels that check certificates no mail is sent"],
  ["policy_ttl", "no-effect", "seconds", "obsolete"],
];

const everywhere = "main.cf; master.cf -o";

function entries(rows: readonly Row[], scopes: string): OptionEntry[] {
  return rows.map(([name, status, values, reason]) => {
    const fallback = scopes === everywhere ? defaultOf(name) : "";
    return { name, status, values, default: fallback, scopes, reason };
  });
}

/** From Postfix 3.11 on the level depends on compatibility_level; no older release takes such a compatibility_level. */
const newerDefaults: ReadonlyMap<string, string> = new Map([
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
  ["smtp_tls_security_level", "${{$compatibility_level} >=level {3.11} ? {may} : {}}"],
  ["smtp_log_tls_feature_status", "yes"],
  ["requiretls_enable", "yes"],
  ["requiretls_redact_dsn", "yes"],
  ["requiretls_esmtp_header", "yes"],
]);

/** A name that Postfix has by itself. */
export function isParameterName(name: string): boolean {
  return knownParameters.has(name) || newerDefaults.has(name);
}

/** A parameter's default, unexpanded; empty for names that Postfix does not know. */
export function defaultOf(name: string): string {
  return newerDefaults.get(name) ?? knownParameters.get(name) ?? "";
}

function lmtpTwins(): OptionEntry[] {
  const names = outbound.map(([name]) => name.replace(/^smtp_/, "lmtp_")).filter((name) => knownParameters.has(name));
  return entries(
    names
      .filter((name) => name.startsWith("lmtp_"))
      .map((name) => [name, "no-effect", "as its smtp_ twin", "LMTP is not spoken"]),
    everywhere,
  );
}

/** Everything about TLS, and what routing reads. */
export const optionTable: readonly OptionEntry[] = [
  ...entries(outbound, everywhere),
  ...entries(shared, everywhere),
  ...entries(inbound, everywhere),
  ...entries(routing, everywhere),
  ...lmtpTwins(),
  ...entries(attributes, "TLS policy table"),
];

const parameters: ReadonlyMap<string, OptionEntry> = new Map(
  optionTable.filter(({ scopes }) => scopes === everywhere).map((entry) => [entry.name, entry]),
);

/** The table's entry for a parameter of main.cf. */
export function parameterEntry(name: string): OptionEntry | undefined {
  return parameters.get(name);
}

const perTransport =
  /^(.+)_(?:delivery_slot_(?:cost|discount|loan)|destination_(?:concurrency_(?:failed_cohort_limit|limit|negative_feedback|positive_feedback)|rate_delay|recipient_limit)|extra_recipient_limit|initial_destination_concurrency|minimum_delivery_slots|recipient_(?:limit|refill_delay|refill_limit)|transport_rate_delay|time_limit|delivery_status_filter)$/;

/** Known to Postfix by itself, or made up of a service of master.cf (`slow_destination_concurrency_limit`). */
export function isKnownParameter(name: string, services: ReadonlySet<string>): boolean {
  if (isParameterName(name)) return true;
  const [, service = ""] = perTransport.exec(name) ?? [];
  return services.has(service);
}
