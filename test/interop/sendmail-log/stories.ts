/**
 * What happens, story by story: who hands in which message, where it goes, and under which lines of the access map. Each
 * has a domain of its own, so that every line of a log tells whose it is.
 */
import { type ClientName, clientAccess, clients } from "./clients.ts";
import type { HostKind } from "./hosts.ts";

export type Story = Readonly<{
  name: string;
  client?: ClientName;
  /** MX hosts of its domain in their order; without: nobody knows the domain. */
  mx?: readonly HostKind[];
  /** `HOST` is the first host's name, `DOMAIN` its domain. */
  access?: readonly string[];
  /** Local parts of its recipients. */
  to?: readonly string[];
  /** In place of what clients say: EHLO, MAIL, RCPT, DATA, QUIT. `HANDSHAKE` and `GARBAGE` follow STARTTLS. */
  says?: readonly string[];
  /** EHLO and STARTTLS first. */
  starttls?: true;
}>;

/** Also of a host that nobody runs. */
export function clientAddress(story: Story): string {
  return `${clients[story.client ?? "friend"].net}.${stories.indexOf(story) + 1}`;
}

export function domainOf({ name }: Story): string {
  return `${name}.test`;
}

export function hostName(kind: string, { name }: Story): string {
  return `${kind}.${name}.test`;
}

export function recipientsOf({ to = ["user"], ...story }: Story): readonly string[] {
  return to.map((user) => `${user}@${domainOf({ ...story, to })}`);
}

const message = ["MAIL", "RCPT", "DATA"] as const;
const manyHosts = ["garbage", "self", "tls13", "tls12"] as const;

export const stories: readonly Story[] = [
  { name: "s-tls13", mx: ["tls13"] },
  { name: "s-tls12", mx: ["tls12"] },
  { name: "s-self", mx: ["self"] },
  { name: "s-stranger", mx: ["stranger"] },
  { name: "s-expired", mx: ["expired"] },
  { name: "s-odd", mx: ["odd"] },
  { name: "s-clear", mx: ["clear"] },
  { name: "s-long", mx: ["long"] },
  { name: "s-two", mx: ["tls13"], to: ["a", "b", "c"] },
  { name: "s-met", mx: ["tls13"], access: ["TLS_Srv:HOST\tVERIFY:256"] },
  { name: "s-unmet", mx: ["self"], access: ["TLS_Srv:HOST\tVERIFY"] },
  { name: "s-weak", mx: ["tls12"], access: ["TLS_Srv:HOST\tENCR:256"] },
  { name: "s-bounced", mx: ["clear"], access: ["TLS_Srv:HOST\tPERM+ENCR:112"] },
  { name: "s-name", mx: ["tls13"], access: ["TLS_Srv:HOST\tVERIFY+CN:other.example"] },
  { name: "s-rcpt", mx: ["clear"], access: ["TLS_Rcpt:DOMAIN\tENCR:112"] },
  { name: "s-rcptperm", mx: ["clear"], access: ["TLS_Rcpt:DOMAIN\tPERM+ENCR:112"] },
  { name: "s-skip", mx: ["tls13"], access: ["Try_TLS:HOST\tNO"] },
  { name: "s-garbage", mx: ["garbage"] },
  { name: "s-drop", mx: ["drop"] },
  { name: "s-silent", mx: ["silent"] },
  { name: "s-454", mx: ["says454"] },
  { name: "s-454rule", mx: ["says454"], access: ["TLS_Srv:HOST\tENCR:112"] },
  { name: "s-421", mx: ["says421"] },
  { name: "s-421rule", mx: ["says421"], access: ["TLS_Srv:HOST\tPERM+ENCR:112"] },
  { name: "s-250", mx: ["says250"] },
  { name: "s-next454", mx: ["says454", "tls13"], access: ["TLS_Srv:HOST\tENCR:112"] },
  { name: "s-554rule", mx: ["says554"], access: ["TLS_Srv:HOST\tENCR:112"] },
  { name: "s-silentrule", mx: ["silent"], access: ["TLS_Srv:HOST\tENCR:112"] },
  { name: "s-two451", mx: ["message452", "mail451"] },
  { name: "s-twolines", mx: ["twolines"] },
  { name: "s-554", mx: ["says554"] },
  { name: "s-next", mx: ["garbage", "tls13"] },
  { name: "s-nextrule", mx: ["self", "tls13"], access: ["TLS_Srv:HOST\tVERIFY"] },
  { name: "s-many", mx: manyHosts, access: ["TLS_Srv:HOST\tVERIFY"], to: ["a", "b"] },
  { name: "s-refused", mx: ["refused"] },
  { name: "s-refusednext", mx: ["refused", "tls13"] },
  { name: "s-unknown" },
  { name: "s-nowhere", mx: ["nowhere"] },
  { name: "s-greets554", mx: ["greets554"] },
  { name: "s-greets421", mx: ["greets421"] },
  { name: "s-hangsup", mx: ["hangsup"] },
  { name: "s-mail550", mx: ["mail550"] },
  { name: "s-mail451", mx: ["mail451"] },
  { name: "s-picky", mx: ["picky"], to: ["fine", "unknown", "full", "never", "moved", "bare", "later"] },
  { name: "s-picky1", mx: ["picky"], to: ["unknown"] },
  { name: "s-picky2", mx: ["picky"], to: ["full"] },
  { name: "s-data554", mx: ["data554"] },
  { name: "s-message554", mx: ["message554"] },
  { name: "s-message452", mx: ["message452"] },
  { name: "s-bare550", mx: ["bare550"] },
  { name: "s-breaks", mx: ["breaks"] },
  { name: "s-breaksatdot", mx: ["breaksatdot"] },
  { name: "s-small", mx: ["small"] },
  { name: "s-plainold", mx: ["plainold"] },
  { name: "s-ugly", mx: ["ugly"] },
  { name: "s-servfail" },
  { name: "s-nullmx" },
  { name: "s-again", mx: ["tls13"], says: ["EHLO c", ...message, ...message, "QUIT"] },
  { name: "s-bulk", mx: ["clear"], says: ["EHLO c", "MAIL", "RCPT", "DATA-BULK", "QUIT"] },
  { name: "s-eight", mx: ["clear"], says: ["EHLO c", "MAIL BODY=8BITMIME", "RCPT", "DATA", "QUIT"] },
  { name: "c-nameless", client: "nameless", mx: ["clear"] },
  { name: "c-forged", client: "forged", mx: ["clear"] },
  { name: "c-tls", mx: ["clear"], starttls: true },
  { name: "c-old", client: "old", mx: ["clear"], starttls: true },
  { name: "c-certified", client: "certified", mx: ["clear"], starttls: true },
  { name: "c-doubtful", client: "doubtful", mx: ["clear"], starttls: true },
  { name: "c-bound", client: "bound", mx: ["clear"] },
  { name: "c-boundtls", client: "bound", mx: ["clear"], starttls: true },
  { name: "c-relay", client: "stranger", mx: ["clear"] },
  { name: "c-barred", client: "barred", mx: ["clear"] },
  { name: "c-null", mx: ["clear"], says: ["EHLO c", "MAIL FROM:<>", "RCPT", "DATA", "QUIT"] },
  { name: "c-helo", mx: ["clear"], says: ["HELO c", "MAIL", "RCPT", "DATA", "QUIT"] },
  { name: "c-garbage", says: ["EHLO c", "STARTTLS", "GARBAGE"] },
  { name: "c-lost", says: ["EHLO c", "MAIL"] },
  { name: "c-lostdata", mx: ["clear"], says: ["EHLO c", "MAIL", "RCPT", "DATA-LOST"] },
  { name: "c-idle", says: ["EHLO c", "QUIT"] },
  { name: "c-nothing", says: [] },
  { name: "c-syntax", says: ["EHLO c", "MAIL FROM:<x", "WHAT", "MAIL", "RCPT TO:<y", "QUIT"] },
  {
    name: "c-login",
    client: "certified",
    mx: ["clear"],
    starttls: true,
    says: ["EHLO c", "AUTH EXTERNAL =", "MAIL", "RCPT", "DATA", "QUIT"],
  },
];

/** All that is asked, in one access map. */
export function accessOf(all: readonly Story[]): readonly string[] {
  const own = all.flatMap((story) =>
    (story.access ?? []).map((line) =>
      line.replaceAll("HOST", hostName(story.mx?.[0] ?? "", story)).replaceAll("DOMAIN", domainOf(story)),
    ),
  );
  return [...clientAccess, ...own];
}
