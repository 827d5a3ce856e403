/**
 * `letterlock explain RECIPIENT`: what will be demanded of the hop, and which line of which file says so. Asks no DNS
 * and connects to nobody. Without a recipient, `explain-client.ts` answers for a client.
 */
import { findConfiguration } from "../config/find.ts";
import { loadSettings } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { Binding, Settings } from "../config/settings.ts";
import { chooseBinding } from "../delivery/choose-binding.ts";
import type { IpAddress } from "../mail/address.ts";
import { domainOf, type Mailbox } from "../mail/address.ts";
import { type Domain, parseDomain } from "../mail/domain.ts";
import { parseIp } from "../mail/ip.ts";
import type { Nexthop } from "../mail/nexthop.ts";
import { type Explanation, explainDecision } from "../policy/explain.ts";
import { createPolicy } from "../policy/policy.ts";
import { createTransportTable } from "../route/transport.ts";
import { parseMailbox } from "../smtp/path.ts";
import { type ClientOptions, explainClient } from "./explain-client.ts";
import { mailInWords } from "./explain-mail-text.ts";
import { type PolicyOptions, policyFlag } from "./policy-options.ts";
import type { CommonOptions } from "./program.ts";

export type ExplainOptions = CommonOptions &
  PolicyOptions &
  ClientOptions &
  Readonly<{ binding?: string; sender?: string; mx?: string }>;

/** @param text undefined: the question is about a client */
export function explain(text: string | undefined, options: ExplainOptions): number {
  const misplaced = misplacedOption(text, options);
  if (misplaced !== undefined) return usage(misplaced);
  const { settings, problems, needsSelfMade } = loadSettings({
    path: findConfiguration(options.config),
    flag: policyFlag(options),
    overrides: options.data === undefined ? {} : { data: options.data },
  });
  if (settings === undefined) {
    for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  if (text !== undefined) return explainMail(text, options, settings);
  const explained = explainClient(options, { settings, needsSelfMade });
  if ("wrong" in explained) return usage(explained.wrong);
  process.stdout.write(explained.printed);
  return 0;
}

const ofClients = ["clientName", "listener", "local", "from", "to", "user"] as const;
const ofMail = ["binding", "sender", "mx"] as const;

/** An option that means nothing for the question would be taken for an answer to it. */
function misplacedOption(text: string | undefined, options: ExplainOptions): string | undefined {
  if (text === undefined && options.client === undefined)
    return "name a recipient, for mail on its way out, or --client, for one that connects to us";
  const strange = (text === undefined ? ofMail : ofClients).find((name) => options[name] !== undefined);
  if (strange === undefined) return undefined;
  const flag = `--${strange === "clientName" ? "client-name" : strange}`;
  return text === undefined
    ? `${flag} needs a recipient: it is about mail on its way out`
    : `${flag} goes with --client and no recipient`;
}

function explainMail(text: string, options: ExplainOptions, settings: Settings): number {
  const recipient = parseMailbox(text.includes("@") ? text : `postmaster@${text}`);
  const sender = options.sender === undefined || options.sender === "<>" ? undefined : parseMailbox(options.sender);
  if (recipient === undefined) return usage(`${text}: neither a mailbox nor a domain`);
  if (options.sender !== undefined && options.sender !== "<>" && sender === undefined)
    return usage(`--sender ${options.sender}: not a mailbox`);
  const host = options.mx === undefined ? undefined : parseDomain(options.mx);
  if (options.mx !== undefined && host === undefined) return usage(`--mx ${options.mx}: not a host name`);
  const client = parseIp(options.client ?? "127.0.0.1");
  if (client === undefined) return usage(`--client ${options.client}: not an IP address`);
  const binding = findBinding(options.binding, { recipient, sender, client }, settings);
  if (typeof binding === "string") return usage(binding);
  const { outbound, transports, routing } = settings;
  const routed = createTransportTable(transports, routing).nexthopFor(recipient, {
    submission: { sender, binding: binding.name, bindingGroup: binding.group },
    defaultPort: outbound.port,
    allowAddressLiterals: outbound.allowAddressLiterals,
    allowAddresses: outbound.allowAddresses,
  });
  if (routed.kind !== "nexthops") {
    const fate = routed.kind === "fail" ? "returned" : "kept for later";
    process.stderr.write(`letterlock: mail to ${text} is ${fate}: ${routed.status} ${routed.text}\n`);
    return 1;
  }
  const [first, ...others] = routed.nexthops;
  const explainOne = (nexthop: Nexthop): Explanation => explainFor(recipient, sender, nexthop, binding, host, settings);
  print(explainOne(first), others.map(explainOne), options.json === true);
  return 0;
}

/** @param others further nexthops, tried in this order */
function print(first: Explanation, others: readonly Explanation[], asJson: boolean): void {
  if (asJson) process.stdout.write(`${JSON.stringify({ ...first, thenNexthops: others }, null, 2)}\n`);
  else process.stdout.write([first, ...others].map(mailInWords).join("\nand where that one fails:\n\n"));
}

/** @returns what is wrong, where there is no such binding or mail like this is refused */
function findBinding(
  wanted: string | undefined,
  { recipient, sender, client }: Readonly<{ recipient: Mailbox; sender: Mailbox | undefined; client: IpAddress }>,
  settings: Settings,
): Binding | string {
  const question = { listener: "", client, user: undefined, sender, recipients: [recipient], headers: new Map() };
  const choice =
    wanted === undefined
      ? chooseBinding(question, settings, new Map())
      : ({ kind: "binding", binding: wanted } as const);
  if (choice.kind === "reject") return `mail like this is refused: ${choice.status} ${choice.text}`;
  const names = [...settings.bindings.keys()];
  const known = names.length > 20 ? `${names.slice(0, 20).join(", ")} ...` : names.join(", ");
  const missing = `--binding ${choice.binding}: no such binding; there are: ${known}`;
  return settings.bindings.get(choice.binding) ?? missing;
}

function explainFor(
  recipient: Mailbox,
  sender: Mailbox | undefined,
  nexthop: Nexthop,
  binding: Binding,
  mx: Domain | undefined,
  settings: Settings,
): Explanation {
  const named = nexthop.kind === "host" && !nexthop.isIp ? (nexthop.host as Domain) : undefined;
  const host = mx ?? named;
  const address = nexthop.kind === "host" && nexthop.isIp ? (nexthop.host as IpAddress) : undefined;
  const question = {
    sender,
    recipient,
    recipientDomain: domainOf(recipient),
    nexthop,
    binding: binding.name,
    bindingGroup: binding.group,
    host,
    address,
    now: Date.now(),
  };
  const implicitTls = nexthop.kind === "host" && nexthop.implicitTls;
  const evidence = { nexthop, host, address, mxStatus: "insecure" as const, implicitTls, messageAgeMs: 0 };
  return explainDecision(createPolicy(settings.policySources), question, evidence, binding.clientCertificate);
}

function usage(text: string): number {
  process.stderr.write(`letterlock: ${text}\n`);
  return 2;
}
