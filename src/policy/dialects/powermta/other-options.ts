/**
 * Directives that PowerMTA knows and that are not our subject: read, and without effect here. The names are those of the
 * public directive index of version 5.0, of the later `<domain>` chapter, the deprecated ones, and a few that real
 * configurations hold (reference, section 1.3).
 */
import type { PowerMtaOption } from "./option-types.ts";

type Group = Readonly<{
  scopes: readonly string[];
  reason: string;
  names: string;
  /** What it does there is missed here: content, copies, or who may hand in mail. */
  missed?: PowerMtaOption["kind"];
}>;

const queueing = "Queueing, limits and retries are those of letterlock.yaml.";
const content = "Messages are passed on as they came.";
const machine = "A matter of PowerMTA's own process and disk.";
const logging = "The log is that of letterlock.yaml.";
const web = "The web monitor of PowerMTA is not part of this.";
const bounces = "Bounces and feedback reports are not processed here.";
const admission = "What a message may be, and how many, is decided in letterlock.yaml.";
const sparkpost = "Services of SparkPost are not used here.";

const unsigned = "Messages are not signed here: sign them before they come, or after they leave.";

const groups: readonly Group[] = [
  { scopes: ["domain"], reason: unsigned, names: "dkim-sign dk-sign", missed: "boolean" },
  {
    scopes: ["virtual-mta", "virtual-mta-pool"],
    reason: "Addresses are not rewritten here.",
    names: "rewrite-list",
    missed: "any",
  },
  { scopes: ["domain"], reason: "No copies are sent.", names: "bcc-upon-delivery", missed: "any" },
  { scopes: ["source"], reason: "No copies are sent.", names: "bcc", missed: "any" },
  { scopes: ["source"], reason: "No field is taken out of the header.", names: "remove-header", missed: "any" },
  {
    scopes: ["source"],
    reason: "Recipients are not held against a list: mail to those on it is sent.",
    names: "suppression-lists",
    missed: "any",
  },
  {
    scopes: ["global"],
    reason: machine,
    names: `spool spool-delete-corrupted spool-max-recipients spool-min-free-space run-as-root thread-min-priority
      thread-max-priority thread-reuse pmc-acct-min-free-space host-id pickup pickup-remove-dot pickup-retry-interval
      sync-msg-create sync-msg-update edns-udp-length`,
  },
  {
    scopes: ["global"],
    reason: admission,
    names: `total-max-smtp-in smtp-await-slot smtp-ip smtp-port domain-suffix
      alias mailmerge-expands-undefined-variables`,
  },
  { scopes: ["global"], reason: queueing, names: "total-max-smtp-out mx-connection-limit ip-connection-limit" },
  {
    scopes: ["global"],
    reason: "Notices are those of letterlock.yaml.",
    names: "postmaster custom-dsn-from-header",
  },
  { scopes: ["global"], reason: logging, names: "log-auto-rotation log-file log-file-world-readable log-rotate" },
  {
    scopes: ["global"],
    reason: web,
    names: `http-mgmt-port http-access http-csrf-protection http-api-key http-mgmt-source no-http-mgmt-source
      http-log-data http-log-requests http-default-max-items http-default-sort-order`,
  },
  {
    scopes: ["global"],
    reason: "There is no such listener here.",
    names: `dummy-smtp-await-slot dummy-smtp-has-chunking dummy-smtp-has-pipelining dummy-smtp-has-verp dummy-smtp-ip
      dummy-smtp-latency dummy-smtp-port dummy-smtp-update-stats`,
  },
  { scopes: ["global", "virtual-mta", "virtual-mta-pool"], reason: content, names: "domain-key include-headers-from" },
  { scopes: ["global", "virtual-mta", "virtual-mta-pool"], reason: sparkpost, names: "enable-signals" },
  {
    scopes: ["virtual-mta", "virtual-mta-pool"],
    reason: queueing,
    names: "cold-virtual-mta auto-cold-virtual-mta max-smtp-out max-smtp-msg-rate max-smtp-data-volume-rate",
  },
  {
    scopes: ["domain"],
    reason: queueing,
    names: `allow-cancel-during-transfer allow-priority-interruption allow-priority-interruption-during-transfer
      assume-delivery-upon-data-termination-timeout backoff-max-connect-rate backoff-max-data-volume-rate
      backoff-max-msg-per-hour backoff-max-msg-rate backoff-max-smtp-out backoff-notify backoff-reroute-to-virtual-mta
      backoff-retry-after backoff-to-normal-after backoff-to-normal-after-delivery backoff-upon-all-sources-disabled
      bounce-after bounce-upon-5xx-greeting bounce-upon-no-mx bounce-upon-pix-transfer-failure
      bounce-upon-transfer-failure connect-timeout connection-idle-timeout data-send-timeout delivery-priority
      disabled-source-ip-notify max-cold-virtual-mta-msg max-connect-rate max-data-volume-rate
      max-errors-per-connection max-msg-per-connection max-msg-per-hour max-msg-rate max-rcpt-per-message
      max-rcpt-per-transaction max-smtp-out max-smtp-out-per-source-ip mx-connection-attempts pix-bug-workaround
      queue-priority reenable-source-ip-after replace-smtp-421-service-response retry-after retry-after-dns-error
      retry-recipients-after retry-upon-new-mail smtp-421-means-mx-unavailable smtp-553-means-invalid-mailbox
      smtp-data-termination-timeout smtp-greeting-timeout smtp-multiple-line-response-timeout smtp-out-rampup-interval
      smtp-pattern-list source-ip-max-connect-rate source-ip-max-data-volume-rate source-ip-max-msg-rate
      source-ip-max-smtp-out`,
  },
  {
    scopes: ["domain"],
    reason: content,
    names: `dkim-add-body-limit dkim-add-timestamp dkim-algorithm dkim-body-canon dkim-disallow-adding-headers
      dkim-expire-after dkim-headers dkim-headers-canon dkim-identity dkim-identity-fallback dkim-query-method check-spf-outbound check-mfrom-outbound check-pra-outbound ignore-8bitmime
      ignore-chunking ignore-dsn ignore-pipelining`,
  },
  {
    scopes: ["domain"],
    reason: "Notices are those of letterlock.yaml.",
    names: "deliver-local-dsn dsn-format notify-of-delay-every",
  },
  {
    scopes: ["domain"],
    reason: logging,
    names: `log-commands log-connections log-data log-disabled-ips log-resolution log-transfer-failures
      max-events-recorded track-recipient-events`,
  },
  {
    scopes: ["domain"],
    reason: "Belongs to a kind of delivery that is not done here.",
    names: `command discard-as-bounce file-destination file-format http-delivery-extra-headers http-delivery-url
      macro-variables-preserve-case`,
  },
  {
    scopes: ["domain"],
    reason: sparkpost,
    names: "add-x-msys-api-header sparkpost-ip-pool sparkpost-sandbox add-gm-token",
  },
  {
    scopes: ["source"],
    reason: admission,
    names: `accept-invalid-recipients allow-chunking allow-mailmerge allow-smtputf8 always-allow-api-submission
      auto-qualify-domain broken-auth-clients check-dkim-inbound check-iprev-inbound check-mfrom-inbound
      check-pra-inbound check-spf-inbound check-spf-inbound-best-guess check-spf-inbound-max-void-lookups
      disconnect-on-transient-error max-message-hops max-message-size max-rcpt-per-message reject-iprev-check-fail
      reject-iprev-check-permerror reject-iprev-check-temperror reject-spf-check-fail reject-spf-check-permerror
      reject-spf-check-temperror smtp-command-timeout smtp-data-timeout source-group
      too-many-rcpts-fails-message trace-dkim-check trace-iprev-check trace-spf-check`,
  },
  {
    scopes: ["source"],
    reason: content,
    names: `add-date-header add-message-id-header add-received-header add-x-virtual-mta-header date-header-time
      dsn-return-default hide-message-source jobid-header jobid-prefix process-x-dkim-key process-x-dkim-options
      process-x-envid process-x-job process-x-schedule remove-received-headers retain-x-dkim-key
      retain-x-dkim-options retain-x-job retain-x-schedule suppress-local-dsn verp-default`,
  },
  { scopes: ["source"], reason: logging, names: "log-commands log-connections log-data" },
  { scopes: ["source-group"], reason: admission, names: "max-smtp-in reserved-smtp-in" },
  { scopes: ["smtp-pattern-list"], reason: queueing, names: "reply" },
  { scopes: ["spool"], reason: machine, names: "delete-file-holders deliver-only min-free-space priority" },
  {
    scopes: ["dns"],
    reason: "Resolvers are those of letterlock.yaml.",
    names: "precached-domains-file precached-max-domains precached-refresh-interval",
  },
  { scopes: ["proxy"], reason: "Connections are made directly, never through a proxy.", names: "client server" },
  {
    scopes: ["bounce-processor", "feedback-loop-processor"],
    reason: bounces,
    names: "deliver-email deliver-matched-email deliver-unmatched-email forward-errors-to forward-unmatched-to",
  },
  { scopes: ["address-list"], reason: bounces, names: "address address-file domain" },
  { scopes: ["email-patterns"], reason: bounces, names: "body-pattern-file log-match-info" },
  { scopes: ["rewrite-list"], reason: content, names: "from-domain mail-from" },
  { scopes: ["domain-key-list"], reason: content, names: "domain-key" },
  {
    scopes: ["suppression-list"],
    reason: admission,
    names: "address address-file domain domain-file rcpt-to mail-from header",
  },
  { scopes: ["aliases"], reason: admission, names: "alias" },
  {
    scopes: ["signals"],
    reason: sparkpost,
    names: `api-key custom-message-id-header engagement-tracking log-verbose min-free-space privacy-policy
      process-x-sp-subaccount-id retain-x-sp-subaccount-id upload-url`,
  },
  { scopes: ["signals-filter"], reason: sparkpost, names: "sender-or-from" },
  {
    scopes: ["transmissions-api"],
    reason: "There is no HTTP submission here.",
    names: "api-key log-data log-requests",
  },
  {
    scopes: ["transmissions-api-listener"],
    reason: "There is no HTTP submission here.",
    names: "tls-trusted-certificate",
  },
];

export const otherOptions: readonly PowerMtaOption[] = groups.flatMap(({ scopes, reason, names, missed }) =>
  names.split(/\s+/).map((name): PowerMtaOption => {
    const status = missed === undefined ? "no-effect" : "differs";
    return { name, status, kind: missed ?? "any", values: "", default: "", scopes, reason };
  }),
);
