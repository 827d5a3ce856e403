/**
 * Names of Sendmail beyond our subject: known, so no typing errors, and without effect.
 */

/** Options of sendmail.cf that are not our subject. */
export const otherOptions: readonly string[] = (
  "SevenBitInput EightBitMode AliasFile AliasWait BlankSub MinFreeBlocks CheckpointInterval HoldExpensive DeliveryMode " +
  "ErrorHeader ErrorMode TempFileMode SaveFromLine MatchGECOS HelpFile MaxHopCount ResolverOptions IgnoreDots " +
  "ForwardPath SendMimeErrors ConnectionCacheSize ConnectionCacheTimeout UseErrorsTo MeToo CheckAliases " +
  "OldStyleHeaders PostmasterCopy QueueFactor QueueDirectory DontPruneRoutes StatusFile SuperSafe " +
  "QueueTimeout TimeZoneSpec UserDatabaseSpec DefaultUser FallbackMXhost Verbose TryNullMXList QueueLA RefuseLA " +
  "RecipientFactor ForkEachJob ClassFactor RetryFactor QueueSortOrder HostsFile MinQueueAge DefaultCharSet " +
  "ServiceSwitchFile DialDelay NoRecipientAction SafeFileEnvironment MaxMessageSize ColonOkInAddr MaxQueueRunSize " +
  "MaxDaemonChildren DontExpandCnames MustQuoteChars SmtpGreetingMessage UnixFromLine OperatorChars DontInitGroups " +
  "SingleLineFromHeader AllowBogusHELO ConnectionRateThrottle UnsafeGroupWrites DoubleBounceAddress " +
  "HostStatusDirectory SingleThreadDelivery RunAsUser RrtImpliesDsn PidFile DontProbeInterfaces " +
  "MaxRecipientsPerMessage DeadLetterDrop MaxAliasRecursion ConnectOnlyTo TrustedUser MaxMimeHeaderLength " +
  "ControlSocketName MaxHeadersLength ProcessTitlePrefix DefaultAuthInfo DataFileBufferSize " +
  "XscriptFileBufferSize InputMailFilters QueueFileMode BadRcptThrottle DeliverByMin MaxQueueChildren " +
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
    "masquerade_entire_domain masquerade_envelope msp mtamark nocanonify nopercenthack notsticky nouucp " +
    "nullclient prefixmod preserve_local_plus_detail preserve_luser_host queuegroup ratecontrol " +
    "redirect relay_based_on_MX relay_local_from relay_mail_from require_rdns " +
    "rhsbl smrsh stickyhost use_client_ptr use_ct_file use_cw_file uucpdomain virtuser_entire_domain virtusertable vnet"
  ).split(" "),
);
