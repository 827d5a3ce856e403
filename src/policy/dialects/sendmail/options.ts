/**
 * Every name of Sendmail that TLS hangs on, and what becomes of it here; the compiler and docs/dialects/sendmail.md read
 * the same table. Names beyond our subject stand in one list at the end: known, so no typing errors, and without effect.
 */

export type OptionEntry = Readonly<{
  /** As written in sendmail.mc or, where it has none there, as it is called. */
  name: string;
  /** The option in sendmail.cf. */
  option?: string;
  status: "applied" | "no-effect" | "differs";
  values: string;
  default: string;
  /** Where it may stand. */
  scopes: string;
  reason: string;
}>;

const both = "sendmail.mc, sendmail.cf";

function entry(
  status: OptionEntry["status"],
  name: string,
  option: string | undefined,
  values: string,
  byDefault: string,
  reason: string,
  scopes = both,
): OptionEntry {
  return { name, ...(option === undefined ? {} : { option }), status, values, default: byDefault, scopes, reason };
}

export const optionTable: readonly OptionEntry[] = [
  entry(
    "applied",
    "confCACERT_PATH",
    "CACertPath",
    "folder with hash links",
    "unset",
    "CAs that VERIFY trusts; counts only together with CACertFile, as in Sendmail",
  ),
  entry(
    "applied",
    "confCACERT",
    "CACertFile",
    "PEM file",
    "unset",
    "CAs that VERIFY trusts; counts only together with CACertPath, as in Sendmail",
  ),
  entry("applied", "confSERVER_CERT", "ServerCertFile", "PEM file, or two", "unset", "handed to the listeners"),
  entry("applied", "confSERVER_KEY", "ServerKeyFile", "PEM file, or two", "unset", "handed to the listeners"),
  entry("applied", "confCLIENT_CERT", "ClientCertFile", "PEM file, or two", "unset", "shown when a peer asks for it"),
  entry("applied", "confCLIENT_KEY", "ClientKeyFile", "PEM file, or two", "unset", "shown when a peer asks for it"),
  entry(
    "differs",
    "confCRL",
    "CRLFile",
    "PEM file",
    "unset",
    "revocation lists are not read: mail that VERIFY applies to waits instead of trusting a revoked certificate",
  ),
  entry("differs", "confCRL_PATH", "CRLPath", "folder with hash links", "unset", "as CRLFile"),
  entry(
    "no-effect",
    "confDH_PARAMETERS",
    "DHParameters",
    "5, 1, 2, i, none or a file",
    "2048 bits",
    "groups of our own are always used",
  ),
  entry(
    "applied",
    "confTLS_SRV_OPTIONS",
    "TLSSrvOptions",
    "V, C",
    "unset",
    "V: clients are not asked for a certificate",
  ),
  entry(
    "differs",
    "confCIPHER_LIST",
    "CipherList",
    "OpenSSL cipher list",
    "library default",
    "taken, but never a cipher without forward secrecy, authentication or enough strength",
  ),
  entry(
    "differs",
    "CipherSuites",
    "CipherSuites",
    "suites of TLS 1.3",
    "library default",
    "as CipherList",
    "sendmail.cf",
  ),
  entry(
    "differs",
    "confSERVER_SSL_OPTIONS",
    "ServerSSLOptions",
    "SSL_OP_ names",
    "SSL_OP_ALL",
    "versions are taken, never below TLS 1.2; what else is set is always or never so here",
  ),
  entry("differs", "confCLIENT_SSL_OPTIONS", "ClientSSLOptions", "SSL_OP_ names", "SSL_OP_ALL", "as ServerSSLOptions"),
  entry("differs", "confSSL_ENGINE", "SSLEngine", "name of an engine", "unset", "keys are read from files only"),
  entry("differs", "confSSL_ENGINE_PATH", "SSLEnginePath", "file", "unset", "keys are read from files only"),
  entry(
    "applied",
    "confTLS_FALLBACK_TO_CLEAR",
    "TLSFallbacktoClear",
    "true, false",
    "false",
    "after a broken handshake the same host is tried in clear at once, where no requirement forbids it",
  ),
  entry(
    "differs",
    "confDANE",
    "DANE",
    "true, false, always",
    "false",
    "level dane: no mail leaves until DANE can be checked, never less",
  ),
  entry(
    "no-effect",
    "confCERT_FINGERPRINT_ALGORITHM",
    "CertFingerprintAlgorithm",
    "sha1, sha256 ...",
    "unset",
    "records carry SHA-256",
  ),
  entry("no-effect", "confTO_STARTTLS", "Timeout.starttls", "time", "1h", "our own time limits hold"),
  entry("no-effect", "confRAND_FILE", "RandFile", "file", "unset", "the system's random device is used"),
  entry(
    "no-effect",
    "confOPENSSL_CNF",
    undefined,
    "file",
    "/etc/mail/sendmail.ossl",
    "no OpenSSL configuration is read",
    "sendmail.mc",
  ),
  entry(
    "differs",
    "confDONT_BLAME_SENDMAIL",
    "DontBlameSendmail",
    "names",
    "safe",
    "modes of files are not looked at: Sendmail silently offers no STARTTLS where a key is readable by the group",
  ),
  entry("no-effect", "confLOG_LEVEL", "LogLevel", "0 to 99", "9", "our own log is complete"),
  entry(
    "applied",
    "confUSE_COMPRESSED_IPV6_ADDRESSES",
    "UseCompressedIPv6Addresses",
    "true, false",
    "false",
    "how keys for IPv6 are written",
  ),
  entry("applied", "confDOMAIN_NAME", undefined, "host name", "the machine's", "our name", "sendmail.mc"),
  entry(
    "differs",
    "SetCertAltnames",
    "SetCertAltnames",
    "true, false",
    "false",
    "CN is compared with the common name alone, which is stricter",
    "sendmail.cf",
  ),
  entry(
    "differs",
    "StrictTransportSecurity",
    "StrictTransportSecurity",
    "true, false",
    "false",
    "no mail leaves until MTA-STS can be checked, never less",
    "sendmail.cf",
  ),
  entry(
    "applied",
    "TLS_PERM_ERR",
    undefined,
    "defined or not",
    "not defined",
    "failed checks are answered with 503 (554 from 8.17) where an entry does not say",
    "sendmail.mc",
  ),
  entry(
    "applied",
    "SMART_HOST",
    undefined,
    "host, [host], mailer:host",
    "unset",
    "where mail goes: TLS_Srv is looked up by this host",
    "sendmail.mc; DS in sendmail.cf",
  ),
  entry(
    "applied",
    "DAEMON_OPTIONS",
    "DaemonPortOptions",
    "Name=, Port=, M=",
    "port 25, 587",
    "M=S: no STARTTLS; M=s: TLS from the first octet; M=a: AUTH asked for",
  ),
  entry("applied", "CLIENT_OPTIONS", "ClientPortOptions", "M=", "unset", "M=S: never STARTTLS to others"),
  entry(
    "applied",
    "FEATURE(access_db)",
    undefined,
    "map, skip, lookupdotdomain",
    "not there",
    "without it only broken handshakes count",
    "sendmail.mc; Kaccess in sendmail.cf",
  ),
  entry(
    "applied",
    "FEATURE(lookupdotdomain)",
    undefined,
    "",
    "not there",
    "keys that begin with a dot are looked up",
    "sendmail.mc",
  ),
  entry(
    "applied",
    "FEATURE(tls_session_features)",
    undefined,
    "",
    "not there",
    "TLS_Srv_features and TLS_Clt_features are looked up",
    "sendmail.mc",
  ),
  entry(
    "applied",
    "FEATURE(tls_failures)",
    undefined,
    "",
    "not there",
    "the old name of TLSFallbacktoClear",
    "sendmail.mc",
  ),
  entry(
    "differs",
    "FEATURE(check_cert_altnames)",
    undefined,
    "",
    "not there",
    "CN is compared with the common name alone, which is stricter",
    "sendmail.mc",
  ),
  entry(
    "differs",
    "FEATURE(sts)",
    undefined,
    "map",
    "not there",
    "no mail leaves until MTA-STS can be checked, never less",
    "sendmail.mc",
  ),
  entry(
    "differs",
    "FEATURE(delay_checks)",
    undefined,
    "",
    "not there",
    "a client that fails TLS_Clt is told so at MAIL, not at RCPT",
    "sendmail.mc",
  ),
  entry(
    "applied",
    "FEATURE(mailertable)",
    undefined,
    "map",
    "not there",
    "where mail for a domain goes: hosts and MX are looked up by the mailer's host",
    "sendmail.mc; Kmailertable in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_TLS_SERVER",
    undefined,
    "rules",
    "none",
    "hand-written rules are not translated, and they may ask for more: an error",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_TLS_RCPT",
    undefined,
    "rules",
    "none",
    "as LOCAL_TLS_SERVER",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_TLS_CLIENT",
    undefined,
    "rules",
    "none",
    "as LOCAL_TLS_SERVER",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_TRY_TLS",
    undefined,
    "rules",
    "none",
    "not translated: such rules can only turn TLS off",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_SRV_FEATURES",
    undefined,
    "rules",
    "none",
    "as LOCAL_TLS_SERVER",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "differs",
    "LOCAL_CLT_FEATURES",
    undefined,
    "rules",
    "none",
    "not translated: such rules can only turn DANE and MTA-STS off",
    "sendmail.mc; SLocal_ in sendmail.cf",
  ),
  entry(
    "applied",
    "TLS_Srv:",
    undefined,
    "[PERM+|TEMP+]VERIFY[:bits]|ENCR:bits[+CN...]",
    "none",
    "held against a host we send to, by host name, address or for all",
    "access",
  ),
  entry(
    "applied",
    "TLS_Rcpt:",
    undefined,
    "as TLS_Srv",
    "none",
    "held against the host for each recipient, by address, local part, domain or for all",
    "access",
  ),
  entry("applied", "TLS_Clt:", undefined, "as TLS_Srv", "none", "held against a client that connects to us", "access"),
  entry("applied", "Try_TLS:", undefined, "NO", "TLS is tried", "STARTTLS is not sent to this host", "access"),
  entry(
    "applied",
    "Srv_Features:",
    undefined,
    "letters",
    "none",
    "S, V, A, L, C and their small letters; the others have no effect",
    "access",
  ),
  entry(
    "differs",
    "Clt_Features:",
    undefined,
    "D, M",
    "none",
    "D: no DANE to this host; M has nothing to turn off yet",
    "access",
  ),
  entry(
    "applied",
    "TLS_Clt_features:",
    undefined,
    "Name=value;",
    "none",
    "Options, CipherList, CipherSuites, CertFile and KeyFile, Flags; R and errors make the rule refuse",
    "access",
  ),
  entry(
    "differs",
    "TLS_Srv_features:",
    undefined,
    "Name=value;",
    "none",
    "CertFile and KeyFile, Options and CipherList; anything else makes the client come back later",
    "access",
  ),
  entry(
    "applied",
    "CertIssuer:",
    undefined,
    "RELAY, SUBJECT",
    "none",
    "who shows a trusted certificate of this issuer may relay",
    "access",
  ),
  entry(
    "applied",
    "CertSubject:",
    undefined,
    "RELAY",
    "none",
    "the subject, where the issuer's entry says SUBJECT",
    "access",
  ),
];

/** Options of sendmail.cf that are not our subject. */
export const otherOptions: readonly string[] = (
  "SevenBitInput EightBitMode AliasFile AliasWait BlankSub MinFreeBlocks CheckpointInterval HoldExpensive DeliveryMode " +
  "ErrorHeader ErrorMode TempFileMode SaveFromLine MatchGECOS HelpFile MaxHopCount ResolverOptions IgnoreDots " +
  "ForwardPath SendMimeErrors ConnectionCacheSize ConnectionCacheTimeout UseErrorsTo MeToo CheckAliases " +
  "OldStyleHeaders PrivacyOptions PostmasterCopy QueueFactor QueueDirectory DontPruneRoutes StatusFile SuperSafe " +
  "QueueTimeout TimeZoneSpec UserDatabaseSpec DefaultUser FallbackMXhost Verbose TryNullMXList QueueLA RefuseLA " +
  "RecipientFactor ForkEachJob ClassFactor RetryFactor QueueSortOrder HostsFile MinQueueAge DefaultCharSet " +
  "ServiceSwitchFile DialDelay NoRecipientAction SafeFileEnvironment MaxMessageSize ColonOkInAddr MaxQueueRunSize " +
  "MaxDaemonChildren DontExpandCnames MustQuoteChars SmtpGreetingMessage UnixFromLine OperatorChars DontInitGroups " +
  "SingleLineFromHeader AllowBogusHELO ConnectionRateThrottle UnsafeGroupWrites DoubleBounceAddress " +
  "HostStatusDirectory SingleThreadDelivery RunAsUser RrtImpliesDsn PidFile DontProbeInterfaces " +
  "MaxRecipientsPerMessage DeadLetterDrop MaxAliasRecursion ConnectOnlyTo TrustedUser MaxMimeHeaderLength " +
  "ControlSocketName MaxHeadersLength ProcessTitlePrefix DefaultAuthInfo AuthMechanisms DataFileBufferSize " +
  "XscriptFileBufferSize InputMailFilters AuthOptions QueueFileMode BadRcptThrottle DeliverByMin MaxQueueChildren " +
  "MaxRunnersPerQueue DirectSubmissionModifiers NiceQueueRun SharedMemoryKey AuthMaxBits MailboxDatabase UseMSP " +
  "DelayLA FastSplit SoftBounce SharedMemoryKeyFile RejectLogInterval RequiresDirfsync ConnectionRateWindowSize " +
  "FallbackSmartHost AuthRealm HeloName MaxNOOPCommands BadRcptShutdown BadRcptShutdownGood MaxQueueAge RejectNUL " +
  "SmtpUTF8 LDAPDefaultSpec"
).split(" ");

/** `Timeout.` and `Milter.` have names of their own behind the dot. */
export const otherFamilies: readonly string[] = ["timeout", "milter"];

/** FEATUREs of sendmail.mc that are not our subject. */
export const otherFeatures: ReadonlySet<string> = new Set(
  (
    "accept_unqualified_senders accept_unresolvable_domains allmasquerade always_add_domain authinfo badmx bcc " +
    "bestmx_is_local bitdomain blacklist_recipients blocklist_recipients block_bad_helo check_other compat_check " +
    "conncontrol dnsbl domainmap domaintable drac enhdnsbl fips3 generics_entire_domain genericstable greet_pause " +
    "ldap_routing limited_masquerade local_lmtp local_no_masquerade local_procmail loose_relay_check " +
    "masquerade_entire_domain masquerade_envelope msp mtamark no_default_msa nocanonify nopercenthack notsticky nouucp " +
    "nullclient prefixmod preserve_local_plus_detail preserve_luser_host promiscuous_relay queuegroup ratecontrol " +
    "redirect relay_based_on_MX relay_entire_domain relay_hosts_only relay_local_from relay_mail_from require_rdns " +
    "rhsbl smrsh stickyhost use_client_ptr use_ct_file use_cw_file uucpdomain virtuser_entire_domain virtusertable vnet"
  ).split(" "),
);
