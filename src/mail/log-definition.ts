/**
 * A log that someone asked for: in which words, and where to. Our own `logs:` and the accounting files and custom loggers
 * of other mail servers' configurations are compiled into this one shape; the room `logs/` writes them.
 * Every log is a reading of the same records and events: none derives anything anew.
 */
import type { Template } from "./log-template.ts";

export type LogDefinition = Readonly<{
  /** Unique; in messages and metrics: `logs.maillog`, `acct-file /var/log/pmta/acct.csv`. */
  name: string;
  /** The line that asks for it: `letterlock.yaml:12`. */
  from: string;
  format: LogFormat;
  target: LogTarget;
  /** Header fields that it prints, lower case: they are kept from acceptance on. */
  headers: readonly string[];
}>;

export type LogTarget =
  /** One file that all workers append to. */
  | Readonly<{
      kind: "file";
      /** Absolute; `-` is standard output. */
      path: string;
      /** Permission bits. */
      mode: number;
      /** A new file begins at this size (0: never); of the old ones so many are kept. */
      maxBytes: number;
      keepFiles: number;
      /** Of a mail log: ISO 8601 in UTC in place of `Nov 22 08:30:47`, which has neither year nor zone. */
      stamps?: "iso";
    }>
  /** PowerMTA's numbered files `acct-2026-11-22-0000.csv`; each worker writes its own. */
  | (Readonly<{ kind: "numbered-files" }> & NumberedFiles)
  /** A program of each worker's own, which reads lines. */
  | Readonly<{
      kind: "program";
      /** As written behind `|`; run by /bin/sh. */
      command: string;
      /** Wait before it is started again. */
      retryMs: number;
      /** It is ended when it takes nothing for so long. */
      writeTimeoutMs: number;
    }>
  | Readonly<{ kind: "syslog"; to: SyslogServer; protocol: "rfc3164" | "rfc5424"; facility: SyslogFacility }>;

export type NumberedFiles = Readonly<{
  /** Absolute; `/var/log/pmta/acct.csv` gives `/var/log/pmta/acct-2026-11-22-0000.csv`. */
  path: string;
  /** Finished files are renamed into this folder. */
  moveTo: string | undefined;
  /** A new file begins after so long; undefined: at midnight only. */
  intervalMs: number | undefined;
  maxBytes: number;
  /** ms; undefined: never. Only without `moveTo`. */
  deleteAfterMs: number | undefined;
  worldReadable: boolean;
  /** The number of records stands in the name of a moved file. */
  countMoved: boolean;
  /** Each write is synced. */
  sync: boolean;
}>;

export type SyslogServer =
  /** A datagram socket of this machine: `/dev/log`. */
  | Readonly<{ kind: "socket"; path: string }>
  | Readonly<{ kind: "udp" | "tcp"; host: string; port: number }>
  | Readonly<{
      kind: "tls";
      host: string;
      port: number;
      /** PEM; undefined: the system's. */
      authorities: string | undefined;
    }>;

export type SyslogFacility = "mail" | "daemon" | "user" | "auth" | `local${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7}`;

export type LogFormat =
  /** Attempt records, or inbound records,as JSON. */
  | Readonly<{ kind: "json"; of: "deliveries" | "inbound" }>
  | Readonly<{
      kind: "postfix";
      /** `postfix` of `postfix/smtp[123]` (syslog_name). */
      name: string;
      /** The `tls=` field of 3.11 in delivery lines. */
      tlsField: boolean;
      /** `smtp_tls_loglevel` and `smtpd_tls_loglevel`: 0 no summary line, 1 the summary, 2 details of verification. */
      outboundTlsLevel: 0 | 1 | 2;
      inboundTlsLevel: 0 | 1 | 2;
    }>
  | Readonly<{
      kind: "sendmail";
      /** `sendmail` of `sendmail[123]`, `sm-mta` on Debian. */
      name: string;
      /** O LogLevel. */
      level: number;
    }>
  | Readonly<{
      /** Lines of Momentum's ec_logger and bounce_logger. */
      kind: "momentum-main" | "momentum-reject" | "momentum-bounce";
      /** What is written of all that such a log can hold; absent: everything. */
      stages?: readonly LogStage[];
    }>
  /** Momentum's custom_logger, and our own templates. */
  | (Readonly<{ kind: "template" }> & TemplateLog)
  | (Readonly<{ kind: "accounting" }> & AccountingLog);

export type LogStage = "reception" | "delivery" | "transient-failure" | "permanent-failure" | "rejection";

export type TemplateLog = Readonly<{
  templates: Readonly<Partial<Record<LogStage, Template>>>;
  /** What may not stand in a value: `sanitize` of custom_logger. Line breaks never do. */
  sanitize: Readonly<{
    specialCharacters: boolean;
    nonPrintable: boolean;
    replace: readonly (readonly [string, string])[];
  }>;
}>;

/** Short names of PowerMTA's record types, as far as there are such events here. */
export type AccountingType = "d" | "b" | "t" | "tq" | "r";

export type AccountingLog = Readonly<{
  types: readonly AccountingType[];
  /** Columns behind `type`, in the file's order, as spelled in the header line. */
  columns: readonly string[];
  /** Which of the columns each type fills; the others stay empty. */
  fields: Readonly<Partial<Record<AccountingType, ReadonlySet<string>>>>;
  /** Field names that a header's value goes into (`map-header-to-field`): field to header names, the first that exists. */
  mapped: Readonly<Partial<Record<AccountingType, ReadonlyMap<string, readonly string[]>>>>;
  isoTimes: boolean;
  userString: string;
  /** Whether a record of this queue is written (`queue-filter`, `disable-acct-records`). */
  wants: (type: AccountingType, queue: Readonly<{ domain: string; vmta: string; pool: string | null }>) => boolean;
  /** The domain part of a queue's name: the recipient's own, or where `queue-to` and roll-up put its mail. */
  queueDomain: (mail: Readonly<{ domain: string; vmta: string; pool: string | null; mx: string | null }>) => string;
  /** Cells from outside that a spreadsheet would take for a formula: made harmless, or kept (AT-28). */
  formulaCells: "escape" | "keep";
  /** Recipient addresses as the privacy policy shows them. */
  showRecipient: (address: string) => string;
  /** Own patterns before the shipped ones: status and diagnostic text to category. */
  bounceCategory: (text: string) => string;
  /** What it was made of, in PowerMTA's words: a reload compares it, and `letterlock import` writes it anew. */
  written?: AccountingText;
}>;

export type AccountingText = Readonly<{
  /** The file, or `|` and a command. */
  target: string;
  directives: readonly AccountingLine[];
  /** `name`: the pattern with its slashes; `value`: the category. */
  bouncePatterns: readonly AccountingLine[];
  /** Sections of queues bear on it: `disable-acct-records`, `queue-to`, roll-up. */
  dependsOnQueues: boolean;
}>;

export type AccountingLine = Readonly<{ name: string; value: string }>;
