/**
 * A log line with gaps, in the macros of Momentum's custom_logger; our own `logs:` speak the same language.
 * Read once by the dialect's parser; filled by `logs/`.
 */
export type Template = readonly TemplatePart[];

export type TemplatePart =
  | Readonly<{ kind: "text"; text: string }>
  /** `%vctx_conn{tls_cipher}` is `{ name: "vctx_conn", argument: "tls_cipher" }`. */
  | Readonly<{ kind: "macro"; name: string; argument: string | undefined }>;
