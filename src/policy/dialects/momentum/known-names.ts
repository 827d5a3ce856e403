/**
 * Names of Momentum that have nothing to do with TLS, so that a configuration of which TLS is a twentieth can be read, and
 * a mistyped name be told from one that is known. From the public manual: Configuration Options Summary and Modules
 * Summary. Versions differ, so a name in a scope where the manual does not list it is only a warning.
 */

const namesByScopes: readonly Readonly<{ scopes: string; names: string }>[] = [
  {
    scopes: "binding binding_group domain global",
    names: `
      adaptive_adjustment_interval adaptive_alert_email_destination adaptive_alert_email_sender
      adaptive_attempt_threshold adaptive_body_timeout adaptive_default_suspension
      adaptive_default_suspension_enabled adaptive_ehlo_timeout adaptive_enabled adaptive_fbl_volume_threshold
      adaptive_idle_timeout adaptive_mailfrom_timeout adaptive_max_deliveries_per_connection
      adaptive_max_outbound_connections adaptive_max_recipients_per_batch adaptive_max_recipients_per_connection
      adaptive_max_resident_active_queue adaptive_max_retries adaptive_max_retry_interval
      adaptive_notification_events adaptive_notification_interval adaptive_outbound_throttle_messages
      adaptive_positive_adjustment_interval adaptive_rcptto_timeout adaptive_rejection_rate_suspension_percentage
      adaptive_retry_fuzz adaptive_retry_interval adaptive_rset_timeout adaptive_scope adaptive_sweep_rule_enabled
      apn_expiry body_timeout bounces_inline_original connect_timeout connect_timeout_to_delay
      connection_allocation_aggressiveness delay_dsn_max_retry_interval delay_dsn_retry_interval
      delayed_reroute_domain dkim domainkeys drop_body_after_trans_fail ecstream_port ecstream_timeout
      ehlo_timeout enable_fbl_header_insertion exclude_vctx_conn exclude_vctx_mess fully_resolve_before_smtp
      gcm_application_id gcm_authorization_token_id gcm_delay_while_idle gcm_dry_run gcm_ttl generate_bounces
      generate_delay_dsn ha_proxy_bypass ha_proxy_ipv6_src_addr ha_proxy_server ha_proxy_src_addr http_basic_auth
      http_host http_method http_uri http_version idle_timeout lmtp_port mailerdaemon mailfrom_timeout
      max_deliveries_per_connection max_recipients_per_batch max_resident_active_queue
      max_resident_active_queue_size max_retries max_retry_interval mdn_failures_notify
      never_attempt_expired_messages opendkim_sign outbound_smtp_auth_key outbound_throttle_connections
      outbound_throttle_messages rcptto_timeout response_transcode_pattern
      response_transcode_replace retry_interval rset_timeout send_8bitmime teleport_enabled
      transform_8bitmime_content`,
  },
  {
    scopes: "global",
    names: `
      _unsafe_spool address_metrics_cleanse_interval address_metrics_lifetime async_bounce_rendering
      bounce_cache_size bounce_cache_ttl bounce_suppress_list clear_mail_queue_maintainers control_client_timeout
      debug_throttle_max_num_same_message debug_throttle_period_secs delayed_queue_scan_interval delivery_pool
      disk_queue_drain_rate dns_cache_purge_interval dns_expire_interval dns_fallback_to_tcp
      dns_max_udp_queries_per_port dns_rate_limit_enabled dns_rate_limit_max_queue dns_rate_limit_mx_queries
      dns_rate_limit_period dns_udp_rcvbuf_size dns_udp_sndbuf_size expensive_batch_assessment force_fsync
      growbuf_size hot_domains initial_hash_buckets inline_transfail_processing keep_message_dicts_in_memory
      large_message_threshold legacy_message_threshold license log_hires_timestamp mail_queue_check_vm_interval
      maintainer_pool malloc2mmap_threshold masterdb_file match_cache_life match_cache_size max_dns_ttl
      max_resident_transfails max_timed_events_per_iter memory_goal memory_hwm
      mime_parse_large_messages_during_reception min_dns_ttl only_use_best_mx_for_relay_domains pcre_cache_size
      pcre_cache_ttl permastore_interval pidfile prefer_ipv6_mxs prohibited_hosts reserve_maintenance_interval
      resolv_conf scheduler server_max_file_descriptors server_reserve_outbound_connections signing_stats
      siv_throttle_cache_size skip_hosts soft_bounce_drain_rate spool_mode spoolbase
      swap_out_meta_after_each_tempfail timestampformat trace_smtp_mode transfail_drain_rate umem_reap_interval
      unlink_on_spool_in_failure use_iflist_cache use_ipv6 use_mmap use_sendfile watchdog_interval`,
  },
  {
    scopes: "cluster",
    names: `
      arp_all_hosts cluster_group control_group duravip_balance_set_size heartbeat_start_delay
      heartbeats_per_sec if_check_interval if_down_limit log_active_interval log_group log_idle_interval
      mbus_daemon nodeaddr nodename subcluster unconditional_rebind view_balance_interval view_broadcast_interval
      view_mature_time`,
  },
  {
    scopes: "esmtp_listener listen pathway pathway_group peer",
    names: `
      banner_hostname click_tracking_enabled click_tracking_scheme context listener_sessions max_message_size
      max_recipients_per_message mcmt_reception open_tracking_enabled open_tracking_scheme
      received_hostname service_sessions static_banner tracking_domain
      tracking_link_expiry`,
  },
  {
    scopes: "global pathway pathway_group",
    names: `
      bounce_domains default_charset generate_bounces_for_multi_recipient_policy_rejections
      inbound_throttle_messages rfc2821_allow_whitespace_in_envelope rfc2821_pedantic_address_rules
      rfc2822_date_header rfc2822_lone_lf_in_body rfc2822_lone_lf_in_headers rfc2822_max_line_length
      rfc2822_max_line_length_policy rfc2822_messageid_header rfc2822_missing_headers rfc2822_trace_headers`,
  },
  {
    scopes: "esmtp_listener global listen pathway pathway_group peer",
    names: `
      allow_ip_literal allow_null_envelope_sender allow_trailing_whitespace_in_commands
      domain_for_unqualified_recipient_addresses domain_for_unqualified_sender_address
      max_receptions_per_connection require_ehlo`,
  },
  {
    scopes: "domain global",
    names: `
      bounce_behavior bounce_pattern dns_failures_to_purge host_failure_retry mx_failures_fallback_to_a
      mx_failures_to_delay`,
  },
  {
    scopes: "security",
    names: `
      capabilities chroot group privileges supplemental_groups user`,
  },
  {
    scopes: "debug_flags",
    names: `
      critical debug error info notice warning`,
  },
  {
    scopes: "snmp",
    names: `
      address community syscontact sysdescription syslocation`,
  },
  {
    scopes: "binding binding_group global",
    names: `
      cluster_server_max_outbound_connections delayed_binding_domain_fuzz max_resident_messages
      server_max_outbound_connections`,
  },
  {
    scopes: "adaptive_sweep_rule",
    names: `
      codes high_action high_threshold low_action low_threshold`,
  },
  {
    scopes: "logs",
    names: `
      control_cache dir_mode logfile max_idle max_open`,
  },
  {
    scopes: "control_listener eccluster_listener ecstream_listener esmtp_listener http_listener listen xmpp_listener",
    names: `
      events_per_iter listen_backlog pool_name tcp_recv_buffer_size tcp_send_buffer_size`,
  },
  {
    scopes: "snmp_traps",
    names: `
      state trap_destination trap_interval watch_interval watch_variables`,
  },
  {
    scopes: "control_listener esmtp_listener http_listener listen pathway pathway_group peer",
    names: `
      enable_authentication`,
  },
  {
    scopes: "binding binding_group domain global host",
    names: `
      cluster_scope_max_outbound_connections max_outbound_connections scope_max_outbound_connections`,
  },
  {
    scopes: "http_listener listen pathway pathway_group peer",
    names: `
      disable_chunked log_requests_to_paniclog max_request_size`,
  },
  {
    scopes:
      "control_listener eccluster_listener ecstream_listener esmtp_listener http_listener listen msgcserver_listener xmpp_listener",
    names: `
      accept_queue_backlog`,
  },
  {
    scopes: "threadpool",
    names: `
      backlog stack_size`,
  },
  {
    scopes: "binding_group domain global",
    names: `
      cluster_outbound_throttle_connections cluster_outbound_throttle_messages`,
  },
  {
    scopes: "binding listen",
    names: `
      duravip_preference enable_duravip`,
  },
  {
    scopes: "ecstream_listener listen pathway pathway_group peer",
    names: `
      ecstream_idle_time ecstream_max_batch_size`,
  },
  {
    scopes: "domain",
    names: `
      xmpp_dialback_secret xmpp_role`,
  },
  {
    scopes: "domain global pathway pathway_group",
    names: `
      alias_schemes`,
  },
  {
    scopes: "control_listener esmtp_listener listen",
    names: `
      authorizationparameters`,
  },
  {
    scopes: "binding domain global host",
    names: `
      cluster_max_outbound_connections`,
  },
  {
    scopes:
      "control_listener eccluster_listener ecstream_listener esmtp_listener http_listener listen threadpool xmpp_listener",
    names: `
      concurrency`,
  },
  {
    scopes: "binding domain global",
    names: `
      delivery_response_timeout`,
  },
  {
    scopes:
      "control_listener eccluster_listener ecstream_listener esmtp_listener global http_listener listen xmpp_listener",
    names: `
      disable_nagle_algorithm`,
  },
  {
    scopes: "listen",
    names: `
      duravip_follow`,
  },
  {
    scopes: "control_listener listen peer",
    names: `
      enable_authorization`,
  },
  {
    scopes: "ecstream_listener esmtp_listener listen",
    names: `
      event_loop`,
  },
  {
    scopes:
      "control_listener eccluster_listener ecstream_listener esmtp_listener http_listener listen logs msgcserver_listener xmpp_listener",
    names: `
      file_mode`,
  },
  {
    scopes: "esmtp_listener http_listener listen pathway pathway_group peer xmpp_listener",
    names: `
      idle_time`,
  },
  {
    scopes: "binding binding_group domain esmtp_listener global listen peer",
    names: `
      max_recipients_per_connection`,
  },
  {
    scopes: "esmtp_listener",
    names: `
      reconfig_message`,
  },
  {
    scopes: "cluster global",
    names: `
      tcp_buffer_size`,
  },
  {
    scopes: "control_listener",
    names: `
      timeout`,
  },
];

function knownScopes(): Map<string, ReadonlySet<string>> {
  const known = new Map<string, ReadonlySet<string>>();
  for (const { scopes, names } of namesByScopes) {
    const set = new Set(scopes.split(" "));
    for (const name of names.trim().split(/\s+/)) known.set(name, set);
  }
  return known;
}

/** Where a name may stand, by name, lower case. */
export const otherOptions: ReadonlyMap<string, ReadonlySet<string>> = knownScopes();

/** Every module has these two; `adaptive_` opens some forty names, more with each version. */
export function isOtherOption(name: string): boolean {
  return otherOptions.has(name) || name === "enabled" || name === "debug_level" || name.startsWith("adaptive_");
}

/** Scopes whose contents are not our subject. */
export const otherScopes: ReadonlySet<string> = new Set(
  `adaptive_backstore_leveldb adaptive_backstore_riak adaptive_sweep_rule authorization curfew role binding_auto_replumb
  binding_auto_replumb_interval control_listener debug_flags eccluster_listener eventloop event_loop logs manager
  msgcserver_listener replicate security snmp snmp_traps threadpool topology`.split(/\s+/),
);

/** Each is a stanza at the top, with or without a name of its own. */
export const modules: ReadonlySet<string> = new Set(
  `ac_auth adaptive alerting alias antivirus apn apn_logger as_logger auth_ds auth_radius beik
  bind_address_secondary bounce_classifier_override bounce_logger brightmail bzip2io cassandra_client
  chunk_logger cidrdb clamav cloudmark cluster commtouch commtouch_ctasd compress_spool conntrol csapi
  custom_bounce_logger custom_logger dane datasource delay_dsn dk_sign dk_validate dkim2 dkim_sign
  dkim_validate dnsbuf domainkeys ds_core ds_ldap dsn_logger ec_logger eleven engage_tracker
  engagement_tracker event_hydrant exim_logger fbl fingerprint gcm gcm_logger gzipio ha_proxy_client
  http_io http_logger httpsrv icu ilf_logger inbound_audit ipv6_lookup jlog live_bounce_updates
  mail_loop maildir mm7 mm7_serv mms_bounce_logger mms_logger msg_gen msgc_client msgc_server mxip
  openarc opendkim outbound_audit outbound_smtp_auth outbound_smtp_auth_v0 persist_io pipe_io
  pipe_transport postfix_logger reception_timing reception_timing_logger response_transcode
  restinjector sched scriptlet securecreds seedlist senderid sendmail_logger smpp smpp_bounce_logger
  smpp_logger smtp_auth_proxy smtp_cbv smtp_rcptto_proxy smtpapi spamassassin spf_macros spf_v1
  static_routes substitution_engine suppress_spool syslog_io tls_macros tls_passphrase
  tls_session_reuse url_ripper`.split(/\s+/),
);

/** A name that may have to do with TLS is never passed over. */
export function looksLikeTls(name: string): boolean {
  return /tls|ssl|dane|(?:^|_)sts(?:_|$)|cert|cipher/.test(name);
}
