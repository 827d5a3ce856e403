/**
 * The configurations: what is said of ports, certificates and relaying, and the access map of each. Requirements of
 * TLS_Clt are drawn by chance.
 */
import { Random } from "../sendmail-differential/random.ts";
import { issuerText, partnerSubject } from "./clients.ts";

export type Setup = Readonly<{
  name: string;
  /** Each has its own. */
  address: string;
  /** Which of Sendmail's files Letterlock reads. */
  as: "mc" | "cf";
  /** By port, the modifiers. */
  ports: Readonly<Record<number, string>>;
  /** Lines of sendmail.mc in front of the features, which win. */
  mc: string;
  access: readonly string[];
}>;

/** In Sendmail's root, and in Letterlock's namespace too. */
export const tlsFolder = "/mnt/tls";

const feature = (name: string): string => `FEATURE(\`${name}')dnl\n`;
const define = (name: string, value: string): string => `define(\`${name}', \`${value}')dnl\n`;
const twoPairs =
  define("confSERVER_CERT", `${tlsFolder}/ec.pem,${tlsFolder}/rsa.pem`) +
  define("confSERVER_KEY", `${tlsFolder}/ec.key,${tlsFolder}/rsa.key`);

/** Some are true of `pc`, some of `partner`, some of nobody. */
const requirements = [
  "VERIFY",
  "PERM+VERIFY",
  "TEMP+VERIFY",
  "VERIFY:128",
  "VERIFY:256",
  "verify : 128 + cn",
  "PERM+VERIFY:112+CN",
  "VERIFY+CN:pc.laptop.example",
  "PERM+VERIFY+CN:PC.Laptop.Example",
  "VERIFY+CS:/O=Partner+20Ltd/CN=pc.laptop.example",
  "VERIFY+CS:/O=Partner Ltd/CN=pc.laptop.example",
  `TEMP+VERIFY+CI:${issuerText}`,
  "PERM+VERIFY+CI:/CN=Somebody",
  `VERIFY:128+CN++CI:${issuerText}`,
  "VERIFY+CITag:Ours",
  "VERIFY+CN++CITag:Missing",
  "ENCR:1",
  "ENCR:112",
  "PERM+ENCR:112",
  "TEMP+ENCR:128",
  "ENCR:256",
  "PERM+ENCR:0200",
  "PERM+ENCR:512",
  "ENCR:128+CN",
  "PERM+ENCR:112+CN:pc.laptop.example",
  "ENCR:0",
  "OK",
  "NONE",
  "ENCR",
  "ENCR:112 # note",
] as const;

const hostKeys = [
  "",
  "laptop.example",
  "pc.laptop.example",
  "pc2.laptop.example",
  "pc3.laptop.example",
  "mail.partner.example",
  "branch.example",
  "example",
  "127.0.1",
  "127.0.1.4",
  "[127.0.1.4]",
  "[127.0.2]",
  "127.0.2",
  "127.0.1.3",
] as const;

/** Everybody may send there. */
const always = ["To:good.example\tRELAY", `Ours:${issuerText}\tOK`] as const;

function demands(random: Random, count: number): string[] {
  return random.some(hostKeys, count).map((key) => `TLS_Clt:${key}\t${random.pick(requirements)}`);
}

const connectLines = [
  "Connect:127.0.1.4\tREJECT",
  "Connect:branch.example\tERROR:5.7.1:550 go away",
  "mail.partner.example\tERROR:450 4.2.1 come back later",
  "Connect:pc2.laptop.example\t554 not you",
  "Connect:friend.example\tnot from here",
  "Connect:127.0.2.9\tOK",
  "Connect:127.0.2\tREJECT",
];

const relayLines = [
  "Connect:127.0.2\tRELAY",
  "Connect:127.0.2.9\tOK",
  "partner.example\tRELAY",
  "To:sub.good.example\tRELAY",
  `CertIssuer:${issuerText}\tRELAY`,
];

const subjectLines = [`CertIssuer:${issuerText}\tSUBJECT`, `CERTSubject:${partnerSubject}\tRELAY`];

const letterLines = [
  "Srv_Features:pc.laptop.example\tS",
  "Srv_Features:laptop.example\tV",
  "Srv_Features:mail.partner.example\tl",
  "Srv_Features:127.0.1.4\tA s",
  "Srv_Features:branch.example\tLow Vain",
  "Srv_Features:friend.example\ttemp",
  "Srv_Features:127.0.2.9\tL a",
];

const sessionLines = [
  "TLS_Srv_features:pc.laptop.example\tCertFile=/nowhere;",
  `TLS_Srv_features:pc2.laptop.example\tCertFile=${tlsFolder}/rsa.pem;KeyFile=${tlsFolder}/rsa.key;`,
  "TLS_Srv_features:127.0.1.5\tOptions=SSL_OP_NO_TLSv1_3",
  "TLS_Srv_features:branch.example\tNonsense=1",
];

export function setupsFor(seed: number): readonly Setup[] {
  return draftsFor(new Random(seed)).map((draft, at) => ({ ...draft, address: `192.0.2.${100 + at}` }));
}

type Draft = Omit<Setup, "address">;

function draftsFor(random: Random): readonly Draft[] {
  const plain = { as: "mc", ports: { 25: "" }, mc: "" } as const;
  const delayed = feature("delay_checks");
  const five = { 25: "", 465: "s", 2525: "S", 587: "Ea", 26: "A" };
  return [
    ...Array.from({ length: 4 }, (_, at): Draft => {
      const [as, mc] = at % 2 === 0 ? (["mc", ""] as const) : (["cf", delayed] as const);
      return { name: `demands${at}`, as, ports: { 25: "", 465: "s" }, mc, access: [...always, ...demands(random, 9)] };
    }),
    { ...plain, name: "everybody", mc: define("TLS_PERM_ERR", "1"), access: [...always, "TLS_Clt:\tVERIFY:128"] },
    {
      ...plain,
      name: "quiet",
      as: "cf",
      mc: define("confTLS_SRV_OPTIONS", "V"),
      access: [...always, ...demands(random, 6), "Srv_Features:laptop.example\tv", "Srv_Features:127.0.2\tv"],
    },
    { ...plain, name: "letters", ports: five, access: [...always, ...letterLines, ...demands(random, 3)] },
    { ...plain, name: "ports", as: "cf", ports: five, access: always },
    { ...plain, name: "keyless", mc: define("confSERVER_KEY", `${tlsFolder}/missing.key`), access: always },
    { ...plain, name: "pathless", mc: "undefine(`confCACERT_PATH')dnl\n", access: [...always, ...demands(random, 3)] },
    { ...plain, name: "pairs", mc: twoPairs, access: [...always, ...demands(random, 2)] },
    {
      ...plain,
      name: "sessions",
      mc: feature("tls_session_features"),
      access: [...always, ...sessionLines, ...demands(random, 3)],
    },
    {
      ...plain,
      name: "connect",
      ports: { 25: "", 465: "s" },
      access: [...always, ...connectLines, ...demands(random, 2)],
    },
    { ...plain, name: "connect-delayed", as: "cf", mc: delayed, access: [...always, ...connectLines] },
    {
      ...plain,
      name: "relay",
      mc: `RELAY_DOMAIN(\`relayed.example 127.0.1.6')dnl\n`,
      access: [...always, ...relayLines, ...demands(random, 2)],
    },
    {
      ...plain,
      name: "relay-delayed",
      as: "cf",
      mc: `${delayed}${feature("relay_hosts_only")}RELAY_DOMAIN(\`relayed.example')dnl\n`,
      access: [...always, ...relayLines, ...demands(random, 3)],
    },
    { ...plain, name: "subjects", as: "cf", access: [...always, ...subjectLines] },
    {
      ...plain,
      name: "entire",
      as: "cf",
      mc: `${feature("relay_entire_domain")}LOCAL_CONFIG\nDminside.test\nCminside.test\n`,
      access: always,
    },
    {
      ...plain,
      name: "polite",
      mc: define("confPRIVACY_FLAGS", "needmailhelo") + define("confAUTH_OPTIONS", "a"),
      access: [...always, ...demands(random, 2)],
    },
    { ...plain, name: "open", as: "cf", mc: feature("promiscuous_relay"), access: [...always, ...demands(random, 4)] },
    {
      ...plain,
      name: "skipping",
      mc: feature("lookupdotdomain"),
      access: [
        ...always,
        "TLS_Clt:.laptop.example\tPERM+ENCR:112",
        "TLS_Clt:laptop.example\tVERIFY",
        ...demands(random, 4),
      ],
    },
  ];
}

export type Place = Readonly<{ address: string; port: number; implicit: boolean }>;

export function placeOf({ address, ports }: Setup, port: number): Place {
  return { address, port, implicit: ports[port]?.includes("s") === true };
}

export function mcText({ address, mc, ports }: Setup, home: string): string {
  const daemons = Object.entries(ports).map(([port, modifiers]) => {
    const more = modifiers === "" ? "" : `, M=${modifiers}`;
    return `DAEMON_OPTIONS(\`Family=inet, Name=P${port}, Addr=${address}, Port=${port}${more}')dnl\n`;
  });
  return `divert(0)dnl
OSTYPE(\`debian')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
define(\`confDOMAIN_NAME', \`mx.sendmail.test')dnl
define(\`confSERVER_CERT', \`${tlsFolder}/ec.pem')dnl
define(\`confSERVER_KEY', \`${tlsFolder}/ec.key')dnl
define(\`confCACERT', \`${tlsFolder}/ca.pem')dnl
define(\`confCACERT_PATH', \`${tlsFolder}')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confQUEUE_LA', \`100000')dnl
define(\`confREFUSE_LA', \`100000')dnl
define(\`confDELAY_LA', \`0')dnl
define(\`confDELIVERY_MODE', \`queue')dnl
define(\`confPID_FILE', \`${home}/pid')dnl
define(\`QUEUE_DIR', \`${home}/queue')dnl
define(\`confCR_FILE', \`-o ${home}/relay-domains %[^\\#]')dnl
FEATURE(\`access_db', \`hash -T<TMPF> ${home}/access', \`skip')dnl
FEATURE(\`no_default_msa')dnl
define(\`confAUTH_MECHANISMS', \`EXTERNAL')dnl
TRUST_AUTH_MECH(\`EXTERNAL')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
${daemons.join("")}${mc.replace(/LOCAL_CONFIG[\s\S]*/, "")}MAILER(\`smtp')dnl
${/LOCAL_CONFIG[\s\S]*/.exec(mc)?.[0] ?? ""}`;
}
