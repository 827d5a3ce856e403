/** Where in the conversation with a host something happened. */
export type SmtpStage =
  | "connect"
  | "greeting"
  | "ehlo"
  | "starttls"
  | "handshake"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "final-dot";
