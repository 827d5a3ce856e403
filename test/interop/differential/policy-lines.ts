/**
 * Policy lines drawn at random: what an administrator writes, rightly or wrongly, for one destination.
 */
import { type Destination, type Destinations, digestOf } from "./destinations.ts";
import type { Draw } from "./draw.ts";

/** Where the certificates are, as the mail server sees it. */
export const tlsFolder = "/mnt/tls";

/** What only shows with a certificate of that kind. */
const specialities: ReadonlyMap<string, string> = new Map([
  ["exp", `verify tafile=${tlsFolder}/mx.exp.test.pem`],
  ["cnip", "verify match=192.0.2.200"],
  ["wild", "secure match=*.wild.test"],
  ["wildpart", "verify"],
  ["cname", "verify"],
  ["tls13", "may protocols=TLSv1:TLSv1.3"],
  ["inter", "verify ciphers=null"],
  ["good", `verify tafile=${tlsFolder}/key.pem`],
]);

type Writer = (destination: Destination, draw: Draw, world: Destinations) => string;

/** The value of a policy line for the destination; empty values are among them. */
export function drawPolicy(destination: Destination, draw: Draw, world: Destinations): string {
  const special = specialities.get(destination.kind);
  if (special !== undefined && draw.chance(0.25)) return special;
  const write = draw.weighted(writers);
  return write(destination, draw, world);
}

const matches: Writer = (destination, draw) => {
  const { domain, host } = destination;
  const parent = host.slice(host.indexOf(".") + 1);
  const single = [
    "hostname",
    "nexthop",
    "dot-nexthop",
    "HOSTNAME",
    "hostname:nexthop",
    "nexthop:dot-nexthop",
    host,
    host.toUpperCase(),
    domain,
    `.${parent}`,
    parent,
    `*.${parent}`,
    ".test",
    "other.example",
    "unrelated.example",
    "alternative.com",
    `nowhere.example:${host}`,
    `${host}|other.example`,
    ".",
    `.:${host}`,
    "192.0.2.200",
    "mx.good.test",
    "bad_name!",
    "x..y",
  ];
  const match = `match=${draw.pick(single)}`;
  return draw.chance(0.15) ? `${match} match=${draw.pick(single)}` : match;
};

const fingerprints: Writer = ({ host }, draw, { certificates }) => {
  const pem = certificates[host] ?? certificates.lab ?? "";
  const right = digestOf(
    pem,
    draw.pick(["certificate", "key"]),
    draw.pick(["sha256", "sha256", "sha256", "sha1", "md5"]),
  );
  const wrong = Array(32).fill("00").join(":");
  return draw.weighted([
    [6, `match=${right}`],
    [2, `match=${right.toLowerCase()}`],
    [2, `match=${right.replaceAll(":", "")}`],
    [2, `match=${wrong}|${right}`],
    [1, `match=${wrong} match=${right}`],
    [3, `match=${wrong}`],
    [1, "match=zz:11"],
    [1, "match=00:11"],
    [1, `match=zz:11|${right}`],
    [1, `match=|${right}|`],
    [1, "match="],
    [1, "match=hostname"],
  ]);
};

function protocols(draw: Draw): string {
  return draw.weighted([
    [10, `protocols=${draw.pick(protocolLists)}`],
    [2, `{ protocols = ${draw.pick(protocolLists).replaceAll(":", " ")} }`],
    [1, "{protocols=TLSv1.2, TLSv1.3}"],
  ]);
}

const protocolLists = [
  "TLSv1.2",
  "TLSv1.3",
  "tlsv1.2:TLSV1.3",
  "!TLSv1.3",
  "!TLSv1.2",
  "!TLSv1.2:!TLSv1.3",
  "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1",
  ">=TLSv1.2",
  ">=TLSv1.3",
  "<=TLSv1.2",
  ">=TLSv1.2:<=TLSv1.2",
  ">=TLSv1",
  "<=TLSv1.1",
  ">=0303",
  ">=0304",
  "TLSv1",
  "TLSv1:TLSv1.1:TLSv1.2",
  "TLSv1:TLSv1.3",
  "",
  "TLSv9",
  "!TLSv9",
  "TLSv1.2:!TLSv1.2",
  "SSLv3",
];

function ciphers(draw: Draw): string {
  return draw.pick([
    "ciphers=high",
    "ciphers=medium",
    "ciphers=HIGH",
    "ciphers=low",
    "ciphers=export",
    "ciphers=null",
    "ciphers=bogus",
    "ciphers=",
    "ciphers=high ciphers=medium",
    "exclude=aNULL",
    "exclude=AES256",
    "exclude=AESGCM",
    "exclude=AES256:AES128:CHACHA20",
    "exclude=kECDHE",
    "exclude=ECDHE",
    "exclude=kECDHE+aECDSA",
    "exclude=aECDSA:aRSA",
    "exclude=CHACHA20",
    "exclude=SHA1",
    "exclude=TLS_AES_256_GCM_SHA384",
    "exclude=nonsense",
    "exclude=",
    "ciphers=high exclude=AES128",
    "exclude=AES128 exclude=AES256",
  ]);
}

const anchorFile: Writer = ({ host }, draw) => {
  return draw.pick([
    "lab.pem",
    "lab.pem",
    "other.pem",
    `${host}.pem`,
    "missing.pem",
    "key.pem",
    "empty.pem",
    "both.pem",
  ]);
};

const serverName: Writer = ({ domain, host }, draw) => {
  return draw.pick([
    "hostname",
    "nexthop",
    host,
    domain,
    "sni.example",
    "Hostname",
    "bad_name!",
    "",
    "192.0.2.1",
    ".x",
  ]);
};

const policyType: Writer = ({ domain, host }, draw) => {
  const parent = host.slice(host.indexOf(".") + 1);
  return draw.pick([
    `secure match=${host} policy_type=sts policy_domain=${domain} mx_host_pattern=other.example`,
    `secure match=${host} policy_type=sts policy_domain=${domain} mx_host_pattern=*.${parent}`,
    `secure match=${host} policy_type=sts policy_domain=${domain} mx_host_pattern=*.test`,
    `secure match=${host} policy_type=sts policy_domain=${domain} mx_host_pattern=mx.good.test`,
    `secure match=nope.example policy_type=sts policy_domain=${domain} mx_host_pattern=${host}`,
    `secure policy_type=sts policy_domain=${domain} mx_host_pattern=${host}`,
    `secure match=${host} policy_type=sts policy_failure=sts-webpki-invalid`,
    `may policy_type=sts policy_domain=${domain} policy_failure=sts-policy-invalid`,
    "may policy_type=no-policy-found",
    `secure match=${host} mx_host_pattern=${host}`,
    "encrypt policy_type=wrong",
    `secure match=${host} policy_type=sts policy_domain=bad_name! mx_host_pattern=${host}`,
    `secure match=${host} policy_type=sts policy_ttl=86400 { policy_string = mx: ${host} } mx_host_pattern=${host}`,
    "encrypt policy_type=sts policy_ttl=never",
  ]);
};

const mistakes = [
  "halfdane",
  "half-dane",
  "must",
  "required",
  "MAY",
  "Encrypt,",
  "encrypt # note",
  "encrypt#note",
  "encrypt excludeciphers=AES",
  "encrypt foo=bar",
  "encrypt match=foo",
  "encrypt tafile=ca.pem",
  "encrypt protocols=TLSv1.2,TLSv1.3",
  "encrypt { protocols = TLSv1.2",
  "encrypt =x",
  "encrypt word",
  "none match=x",
  "none foo",
  "verify   match=hostname  ,  ciphers=high",
  "verify,match=hostname",
  "encrypt connection_reuse=no",
  "encrypt connection_reuse=maybe",
  "may enable_rpk=no",
  "may enable_rpk=perhaps",
  "may match=mx.good.test",
  "fingerprint servername=hostname",
  "verify match=hostname match=",
  ",",
  "may servername=hostname servername=nexthop",
  "verify match = hostname",
  "encrypt { }",
  "encrypt {protocols = TLSv1.2}x",
  "encrypt PROTOCOLS=TLSv1.2",
];

const writers: readonly (readonly [number, Writer])[] = [
  [
    30,
    (_, draw) => draw.pick(["none", "may", "encrypt", "verify", "secure", "fingerprint", "may", "encrypt", "verify"]),
  ],
  [22, (...of) => `${of[1].pick(["verify", "secure", "verify", "Verify", "SECURE"])} ${matches(...of)}`],
  [12, (...of) => `fingerprint ${fingerprints(...of)}`],
  [10, (_, draw) => `${draw.pick(["may", "encrypt", "verify", "may"])} ${protocols(draw)}`],
  [8, (_, draw) => `${draw.pick(["may", "encrypt", "secure"])} ${ciphers(draw)}`],
  [7, (...of) => `${of[1].pick(["verify", "secure"])} ${matches(...of)} tafile=${tlsFolder}/${anchorFile(...of)}`],
  [5, (...of) => `${of[1].pick(["may", "encrypt", "verify"])} servername=${serverName(...of)}`],
  [6, (...of) => policyType(...of)],
  [8, (_, draw) => draw.pick(mistakes)],
  [
    3,
    (...of) =>
      `${of[1].pick(["encrypt", "verify"])} ${of[1].shuffled([matches(...of), protocols(of[1]), ciphers(of[1])]).join(" ")}`,
  ],
  [2, (_, draw) => draw.pick(["dane", "dane-only"])],
];
