/**
 * What is delivered: first every kind of host under the rules that matter most, then hosts, rules and recipients by
 * chance. Each situation has a domain of its own, so that the hosts' records tell them apart.
 */
import { addressOf, aliases, hostKinds, nameOf } from "./hosts.ts";
import { Random } from "./random.ts";
import { plainVariant, type Variant } from "./real-sendmail.ts";

export type Situation = Readonly<{
  /** Also its tag in the log, and the first label of its domain. */
  name: string;
  domain: string;
  /** MX hosts in their order, by kind. */
  mx: readonly string[];
  variant: Variant;
  access: readonly string[];
  recipients: readonly string[];
  /** Which of the two configuration files Letterlock is given. */
  from: "mc" | "cf";
}>;

type Wish = Readonly<{
  mx: readonly string[];
  access: readonly string[];
  variant?: Partial<Variant>;
  users?: string[];
}>;

/** Tried on every kind. `HOST` is the first MX host, `DOMAIN` the recipient's domain. */
const everywhere: readonly (readonly string[])[] = [
  [],
  ["TLS_Srv:HOST\tPERM+ENCR:112"],
  ["TLS_Srv:HOST\tVERIFY"],
  ["TLS_Srv:mx.test\tOK"],
  ["TLS_Rcpt:DOMAIN\tPERM+VERIFY+CN"],
  ["TLS_Rcpt:DOMAIN\tENCR:200"],
];

const oldCiphers = "define(`confCIPHER_LIST', `DEFAULT:@SECLEVEL=0')dnl\n";
const tls12Only = "define(`confCLIENT_SSL_OPTIONS', `+SSL_OP_NO_TLSv1_3')dnl\n";
const neverStarttls = "CLIENT_OPTIONS(`Family=inet, M=S')dnl\n";
const oneCaSetting = "undefine(`confCACERT_PATH')dnl\n";

function smartHost(host: string): Partial<Variant> {
  return { more: `define(\`SMART_HOST', \`${host}')dnl\n` };
}

function table(...mailertable: readonly string[]): Partial<Variant> {
  return { mailertable };
}

/** Whole stories, after the numbered cases of the reference. */
const stories: readonly Wish[] = [
  { mx: ["plain", "right"], access: ["TLS_Srv:\tENCR:112"] },
  { mx: ["plain", "right"], access: ["TLS_Srv:\tPERM+ENCR:112"] },
  { mx: ["plain", "plain2"], access: ["TLS_Srv:plain.mx.test\tPERM+ENCR:112", "TLS_Srv:plain2.mx.test\tENCR:112"] },
  { mx: ["plain", "plain2"], access: ["TLS_Srv:plain.mx.test\tENCR:112", "TLS_Srv:plain2.mx.test\tPERM+ENCR:112"] },
  { mx: ["garbage", "plain"], access: [] },
  { mx: ["garbage", "garbage2"], access: ["TLS_Srv:garbage.mx.test\tPERM+VERIFY"] },
  { mx: ["garbage", "garbage2"], access: ["TLS_Srv:garbage2.mx.test\tPERM+VERIFY"] },
  { mx: ["plain"], access: ["TLS_Srv:DOMAIN\tENCR:112"] },
  { mx: ["plain"], access: ["TLS_Srv:127.0.2\tENCR:112"] },
  { mx: ["self"], access: ["TLS_Srv:\tPERM+VERIFY", "TLS_Srv:self.mx.test\tOK"] },
  { mx: ["self"], access: ["TLS_Srv:\tPERM+VERIFY", "TLS_Srv:self.mx.test\tSKIP"], variant: { skip: true } },
  { mx: ["aliasplain"], access: ["TLS_Srv:aliasplain.mx.test\tENCR:112"] },
  { mx: ["aliasplain"], access: ["TLS_Srv:plain.mx.test\tENCR:112"] },
  { mx: ["alias"], access: ["TLS_Srv:alias.mx.test\tVERIFY+CN"] },
  { mx: ["right"], access: ["Try_TLS:right.mx.test\tNO"] },
  { mx: ["right"], access: ["Try_TLS:mx.test\tno"] },
  { mx: ["right"], access: ["Try_TLS:mx.test\tNO", "Try_TLS:right.mx.test\tYES"] },
  { mx: ["right"], access: ["Try_TLS:DOMAIN\tNO"] },
  { mx: ["right"], access: ["Try_TLS:right.mx.test\tNO", "TLS_Srv:right.mx.test\tVERIFY"] },
  { mx: ["garbage"], access: ["Try_TLS:garbage.mx.test\tNO"] },
  { mx: ["plain", "right"], access: ["TLS_Rcpt:DOMAIN\tPERM+ENCR:112"] },
  { mx: ["plain", "right"], access: ["TLS_Rcpt:DOMAIN\tENCR:112"] },
  { mx: ["plain", "says421"], access: ["TLS_Rcpt:DOMAIN\tENCR:112"] },
  { mx: ["plain", "garbage"], access: ["TLS_Rcpt:DOMAIN\tENCR:112", "TLS_Srv:garbage.mx.test\tPERM+ENCR:112"] },
  { mx: ["garbage"], access: ["TLS_Srv:garbage.mx.test\tPERM:VERIFY"] },
  { mx: ["plain"], access: ["TLS_Rcpt:a@DOMAIN\tENCR:112"], users: ["a", "b"] },
  { mx: ["plain"], access: ["TLS_Rcpt:a@DOMAIN\tPERM+ENCR:112"], users: ["a", "b"] },
  { mx: ["plain"], access: ["TLS_Rcpt:a@DOMAIN\tPERM+ENCR:112", "TLS_Rcpt:b@DOMAIN\tENCR:112"], users: ["a", "b"] },
  { mx: ["plain"], access: ["TLS_Rcpt:a@DOMAIN\tENCR:112", "TLS_Rcpt:b@DOMAIN\tPERM+ENCR:112"], users: ["a", "b"] },
  { mx: ["plain", "right"], access: ["TLS_Rcpt:a@DOMAIN\tENCR:112"], users: ["a", "b"] },
  { mx: ["aes128"], access: ["TLS_Rcpt:a@\tVERIFY:256", "TLS_Rcpt:DOMAIN\tENCR:112"], users: ["a", "b"] },
  { mx: ["plain"], access: ["TLS_Rcpt:tag@DOMAIN\tPERM+VERIFY"], users: ["tag+foo", "tag+", "other+foo"] },
  { mx: ["plain"], access: ["TLS_Rcpt:\tENCR:112", "TLS_Rcpt:DOMAIN\tOK"] },
  { mx: ["aes128"], access: ["TLS_Srv:aes128.mx.test\tENCR:128", "TLS_Rcpt:DOMAIN\tENCR:256"] },
  { mx: ["right"], access: ["Try_TLS:right.mx.test\tNO", "TLS_Rcpt:DOMAIN\tENCR:112"] },
  { mx: ["garbage"], access: [], variant: { fallback: true } },
  { mx: ["garbage"], access: ["TLS_Srv:garbage.mx.test\tVERIFY"], variant: { fallback: true } },
  { mx: ["garbage"], access: ["TLS_Srv:garbage.mx.test\tPERM+ENCR:112"], variant: { fallback: true } },
  { mx: ["garbage", "right"], access: [], variant: { fallback: true } },
  { mx: ["garbage", "right"], access: ["TLS_Srv:\tENCR:112"], variant: { fallback: true } },
  { mx: ["garbage"], access: ["TLS_Rcpt:DOMAIN\tPERM+VERIFY"], variant: { fallback: true } },
  { mx: ["drop"], access: [], variant: { fallback: true } },
  { mx: ["silent"], access: [], variant: { fallback: true } },
  { mx: ["says454"], access: [], variant: { fallback: true } },
  { mx: ["old"], access: [], variant: { more: oldCiphers } },
  { mx: ["old", "plain"], access: ["TLS_Srv:\tENCR:112"], variant: { more: oldCiphers } },
  { mx: ["right"], access: ["TLS_Clt_features:right.mx.test\tBogus=1;"], variant: { sessionFeatures: true } },
  {
    mx: ["right"],
    access: ["TLS_Clt_features:right.mx.test\tBogus=1;", "TLS_Srv:right.mx.test\tOK"],
    variant: { sessionFeatures: true },
  },
  {
    mx: ["right"],
    access: ["TLS_Clt_features:right.mx.test\tBogus=1;", "TLS_Srv:\tPERM+VERIFY"],
    variant: { sessionFeatures: true },
  },
  {
    mx: ["right"],
    access: ["TLS_Clt_features:right.mx.test\tOptions=SSL_OP_NO_TLSv1_3; CipherList=AES128", "TLS_Srv:\tENCR:129"],
    variant: { sessionFeatures: true },
  },
  ...[
    "TLS_Clt_features:mx.test\tOptions=SSL_OP_NO_TLSv1_3;CipherList=ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_Clt_features:127.0.2\toptions=SSL_OP_NO_TLSv1_3; cipherlist=ECDHE-ECDSA-AES128-GCM-SHA256;",
    "TLS_Clt_features:\tOptions=SSL_OP_NO_TLSv1_3; CipherList=ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_Clt_features:right.mx.test\tCipherSuites=TLS_AES_128_GCM_SHA256",
    "TLS_Clt_features:right.mx.test\tCipherList=NONSENSE",
    "TLS_Clt_features:right.mx.test\tOptions=SSL_OP_NONSENSE",
    "TLS_Clt_features:right.mx.test\tCertFile=/mnt/tls/ca.pem",
    "TLS_Clt_features:right.mx.test\tOptions",
    "TLS_Clt_features:right.mx.test\tOK",
    "TLS_Clt_features:right.mx.test\tFlags=R",
    "TLS_Clt_features:right.mx.test\tFlags=X",
  ].map((line) => ({ mx: ["right"], access: [line, "TLS_Srv:\tENCR:129"], variant: { sessionFeatures: true } })),
  { mx: ["right"], access: ["TLS_Clt_features:right.mx.test\tBogus=1;"] },
  { mx: ["garbage"], access: ["TLS_Clt_features:garbage.mx.test\tFlags=C"], variant: { sessionFeatures: true } },
  {
    mx: ["garbage"],
    access: ["TLS_Clt_features:garbage.mx.test\tFlags=c"],
    variant: { sessionFeatures: true, fallback: true },
  },
  { mx: ["right"], access: ["TLS_Srv:right.mx.test\tVERIFY+CI:/C=CH/O=Clinic+20Mail/CN=Root+20+28test+29"] },
  { mx: ["right"], access: ["TLS_Srv:right.mx.test\tVERIFY+CS:/x", "TLS_Rcpt:\tVERIFY"] },
  { mx: ["odd"], access: ["TLS_Srv:odd.mx.test\tVERIFY+CS:/x"] },
  { mx: ["odd"], access: ["TLS_Srv:odd.mx.test\tVERIFY+CN"] },
  { mx: ["stranger"], access: ["TLS_Srv:stranger.mx.test\tENCR:112+CI:/x"] },
  { mx: ["self"], access: ["TLS_Srv:self.mx.test\tENCR:112+CN++CI:/O=Partner+20Ltd/CN=self.mx.test"] },
  { mx: ["right"], access: ["TLS_Srv:plain.mx.test\tENCR:112"], variant: smartHost("[plain.mx.test]") },
  { mx: ["right"], access: ["TLS_Srv:[plain.mx.test]\tENCR:112"], variant: smartHost("[plain.mx.test]") },
  { mx: ["plain"], access: ["TLS_Srv:right.mx.test\tVERIFY+CN"], variant: smartHost("right.mx.test") },
  { mx: ["right"], access: ["TLS_Srv:127.0.2\tPERM+ENCR:112"], variant: smartHost(`[${addressOf("plain")}]`) },
  { mx: ["right"], access: ["TLS_Srv:[127.0.2]\tPERM+VERIFY"], variant: smartHost(`[${addressOf("plain")}]`) },
  { mx: ["plain"], access: ["TLS_Srv:[127.0.2.1]\tVERIFY+CN"], variant: smartHost(`[${addressOf("right")}]`) },
  { mx: ["plain"], access: ["TLS_Rcpt:DOMAIN\tVERIFY"], variant: smartHost("[right.mx.test]") },
  { mx: ["right"], access: ["TLS_Srv:plain.mx.test\tENCR:112"], variant: table("DOMAIN\tesmtp:[plain.mx.test]") },
  { mx: ["plain"], access: ["TLS_Srv:right.mx.test\tVERIFY+CN"], variant: table(".test\tsmtp:right.mx.test") },
  { mx: ["right"], access: ["TLS_Srv:\tENCR:112"], variant: table("DOMAIN\tesmtp:[plain.mx.test]:[aes128.mx.test]") },
  {
    mx: ["right"],
    access: ["TLS_Srv:plain.mx.test\tENCR:112", "TLS_Rcpt:DOMAIN\tENCR:112"],
    variant: table(".\tesmtp:[plain.mx.test]", "DOMAIN\trelay:[self.mx.test]"),
  },
  { mx: ["right"], access: [], variant: { more: neverStarttls } },
  { mx: ["right"], access: ["TLS_Srv:right.mx.test\tPERM+VERIFY"], variant: { more: neverStarttls } },
  { mx: ["right"], access: ["TLS_Srv:right.mx.test\tVERIFY"], variant: { more: oneCaSetting } },
  { mx: ["right"], access: ["TLS_Srv:right.mx.test\tENCR:112"], variant: { more: oneCaSetting } },
  { mx: ["right"], access: [], variant: { more: tls12Only } },
  { mx: ["plain"], access: ["TLS_Srv:plain.mx.test\tENCR:112"], variant: { permanent: true } },
  { mx: ["garbage"], access: [], variant: { permanent: true } },
  { mx: ["says250"], access: [], variant: { permanent: true } },
  { mx: ["plain"], access: ["TLS_Rcpt:DOMAIN\tVERIFY"], variant: { permanent: true } },
];

const values = [
  "ENCR:112",
  "PERM+ENCR:112",
  "TEMP+ENCR:256",
  "ENCR:200",
  "VERIFY",
  "PERM+VERIFY",
  "VERIFY+CN",
  "PERM+VERIFY:128+CN",
  "VERIFY+CN:right.mx.test",
  "ENCR:112+CN",
  "TEMP+VERIFY:256",
  "PERM+VERIFY+CI:/CN=Nobody",
  "OK",
  "SKIP",
  "ENCR",
] as const;

export function situations(seed: number): readonly Situation[] {
  const random = new Random(seed + 1);
  const single = hostKinds
    .filter((kind) => !kind.endsWith("2"))
    .flatMap((kind) => everywhere.map((access): Wish => ({ mx: [kind], access })));
  const chance = Array.from({ length: 90 }, () => byChance(random));
  return [...single, ...stories, ...chance].map((wish, at) => situation(wish, at));
}

function situation({ mx, access, variant, users = ["user"] }: Wish, at: number): Situation {
  const name = `d${at}`;
  const domain = `${name}.test`;
  const fill = (lines: readonly string[]): string[] =>
    lines.map((line) => line.replaceAll("HOST", nameOf(mx[0] ?? "")).replaceAll("DOMAIN", domain));
  return {
    name,
    domain,
    mx,
    variant: { ...plainVariant, ...variant, mailertable: fill(variant?.mailertable ?? []) },
    access: fill(access),
    recipients: users.map((user) => `${user}@${domain}`),
    from: at % 2 === 0 ? "mc" : "cf",
  };
}

function byChance(random: Random): Wish {
  const mx = random.some([...hostKinds, ...Object.keys(aliases)], random.pick([1, 1, 1, 2, 2, 3]));
  const hostKeys = ["", "mx.test", "test", "127.0.2", ...mx.map(nameOf), ...mx.filter(isHost).map(addressOf)];
  const recipientKeys = ["", "DOMAIN", "a@", "b@DOMAIN", "a@DOMAIN"];
  const entries = (tag: string, keys: readonly string[], counts: readonly number[]): string[] =>
    random.some(keys, random.pick(counts)).map((key) => `${tag}:${key}\t${random.pick(values)}`);
  const avoid = random.once(6) ? [`Try_TLS:${random.pick(hostKeys)}\tNO`] : [];
  return {
    mx,
    access: [
      ...entries("TLS_Srv", hostKeys, [0, 1, 1, 2, 3]),
      ...entries("TLS_Rcpt", recipientKeys, [0, 0, 0, 1, 2]),
      ...avoid,
    ],
    variant: { skip: random.once(2), fallback: random.once(3), permanent: random.once(10) },
    users: random.pick([["a"], ["a"], ["b"], ["a", "b"], ["a+x", "b"]]),
  };
}

function isHost(kind: string): boolean {
  return hostKinds.includes(kind);
}
