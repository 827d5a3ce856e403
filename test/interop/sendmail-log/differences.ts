/**
 * Where our lines are not Sendmail's, and why: each stands in docs/operating/logs-sendmail.md, word for word, and each is
 * met by some story. Whatever else differs is an error.
 */
import type { Difference } from "./compare.ts";

const severalRecipients =
  "Sendmail names up to a whole transaction's recipients in one line, `to=<b@x>,<a@x>`; here each recipient has a line.";
const recipientRule =
  "Mail that TLS_Rcpt holds back or returns: Sendmail logs `dsn=4.0.0, stat=Deferred` or `dsn=5.6.0, stat=Data format " +
  "error`, which name no reason. Here its status and text stand there, as for TLS_Srv.";
const forged =
  "A client whose name does not lead back to it: Sendmail shows the name, `forged.example [ADDRESS] (may be forged)`. " +
  "Here only verified names are kept, so the address stands alone.";
const noAddress =
  "An MX host without an address: Sendmail names the host it could not find, here the domain is named that has no usable host.";
const tooLarge =
  "Not a matter of the log: Sendmail tries a host that takes no message of that size, here it is left alone and the mail returned.";
const longReply = "Of a reply of several lines Sendmail prints the first, here they are joined.";

export const differences: readonly Difference[] = [
  {
    id: "several-recipients",
    why: severalRecipients,
    of: "sendmail",
    pattern: /^ID: to=(<\S+?>),(<\S+?>),(<\S+?>), (.*)$/,
    becomes: "ID: to=$1, $4\nID: to=$2, $4\nID: to=$3, $4",
  },
  {
    id: "several-recipients",
    why: severalRecipients,
    of: "sendmail",
    pattern: /^ID: to=(<\S+?>),(<\S+?>), (.*)$/,
    becomes: "ID: to=$1, $3\nID: to=$2, $3",
  },
  {
    id: "recipient-rule",
    why: recipientRule,
    of: "sendmail",
    story: /^s-rcpt$/,
    pattern: /dsn=4\.0\.0, stat=Deferred$/,
    becomes: "dsn=4.7.0, stat=Deferred: 454 4.7.0 encryption too weak 0 less than 112",
  },
  {
    id: "recipient-rule",
    why: recipientRule,
    of: "sendmail",
    story: /^s-rcptperm$/,
    pattern: /dsn=5\.6\.0, stat=Data format error$/,
    becomes: "dsn=5.7.0, stat=Service unavailable",
  },
  {
    id: "recipient-rule",
    why: recipientRule,
    of: "sendmail",
    story: /^s-rcptperm$/,
    pattern: /DSN: Data format error$/,
    becomes: "DSN: Service unavailable",
  },
  {
    id: "no-address",
    why: noAddress,
    of: "sendmail",
    story: /^s-nowhere$/,
    pattern: /\bnowhere\.s-nowhere\.test\.(, dsn=.*nowhere\.)(s-nowhere)/,
    becomes: "s-nowhere.test.$1$2",
  },
  {
    id: "no-address",
    why: noAddress,
    of: "sendmail",
    story: /^s-nowhere$/,
    pattern: /Name server: nowhere\./,
    becomes: "Name server: ",
  },
  {
    id: "too-large",
    why: tooLarge,
    of: "sendmail",
    story: /^s-small$/,
    pattern: /dsn=2\.0\.0, stat=Sent \(taken\)$/,
    becomes: "dsn=5.3.4, stat=Service unavailable\nID: ID: DSN: Service unavailable",
  },
  {
    id: "forged-name",
    why: forged,
    of: "sendmail",
    pattern: /\bforged\.example (\[ADDRESS\]) \(may be forged\)/,
    becomes: "$1",
  },
  {
    id: "long-reply",
    why: longReply,
    of: "sendmail",
    story: /^s-twolines$/,
    pattern: /452 4\.3\.1 disk full, stat=Deferred: 452-4\.3\.1 disk full$/,
    becomes: "452 4.3.1 disk full try tomorrow, stat=Deferred: 452 4.3.1 disk full try tomorrow",
  },
  {
    id: "own-doubts",
    why: "Sendmail's `ERROR: inconsistent reply`, where a rule's answer and the host's are of different kinds, is not said.",
    of: "sendmail",
    pattern: /^ID: ERROR: inconsistent reply, .*$/,
    becomes: "",
  },
  {
    id: "body-type",
    why: "`bodytype=8BITMIME` is left out: records do not tell what the client said of the body.",
    of: "sendmail",
    pattern: /, bodytype=8BITMIME/,
    becomes: "",
  },
  {
    id: "no-message",
    why: "A transaction that brought no message has no `from=` line: it is told by what was refused, or by its loss, alone.",
    of: "sendmail",
    pattern: /^ID: from=<\S*>, size=\d+, class=0, nrcpts=0, .*$/,
    becomes: "",
  },
  {
    id: "no-message",
    why: "A transaction that brought no message has no `from=` line: it is told by what was refused, or by its loss, alone.",
    of: "sendmail",
    story: /^c-lostdata$/,
    pattern: /^ID: (?:from=<\S*>, size=N|collect: relay=).*$/,
    becomes: "",
  },
  {
    id: "relaying-denied",
    why: "`Relaying denied` is said in these words alone, also where Sendmail adds that a log-in would help.",
    of: "sendmail",
    pattern: /\. Proper authentication required\.$/,
    becomes: "",
  },
  {
    id: "syntax-errors",
    why: "Commands with wrong syntax, which Sendmail logs at level 4, are not told.",
    of: "sendmail",
    pattern: /^ID: \S+\.\.\. Unbalanced '<'$/,
    becomes: "",
  },
  {
    id: "certificate-user",
    why: "Who logs in by certificate is told by the user's name, not by the certificate's subject.",
    of: "sendmail",
    pattern: /authid=\/O\+3D\S+?,/,
    becomes: "authid=pc,",
  },
];
