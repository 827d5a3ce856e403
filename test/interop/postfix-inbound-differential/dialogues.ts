/**
 * What clients say, drawn at random: commands in orders that make sense and in such that do not. Plain data.
 */
import { Draw } from "../differential/draw.ts";
import type { ClientCertificate, Variant } from "./variants.ts";
import { users } from "./variants.ts";

/** `line` alone, or with further lines in the same packet; a 220 to STARTTLS is followed by the handshake. */
export type Command = Readonly<{ line: string; pipelined?: readonly string[] }>;

export type Dialogue = Readonly<{
  id: string;
  variant: string;
  from: "network" | "stranger";
  certificate: ClientCertificate;
  version: Variant["versions"][number];
  serverName: string | undefined;
  commands: readonly Command[];
}>;

export function drawDialogues(seed: number, count: number, variants: readonly Variant[]): readonly Dialogue[] {
  const draw = new Draw(seed);
  return Array.from({ length: count }, (_, number) => {
    const variant = variants[number % variants.length];
    if (variant === undefined) throw new Error("no configuration");
    return {
      id: `${variant.name}-${number}`,
      variant: variant.name,
      from: draw.pick(["network", "stranger", "stranger"] as const),
      certificate: draw.pick(variant.certificates),
      version: draw.pick(variant.versions),
      serverName: draw.pick(variant.serverNames),
      commands: drawCommands(variant, draw),
    };
  });
}

const maxCommands = 14;

function drawCommands(variant: Variant, draw: Draw): readonly Command[] {
  const commands: Command[] = [];
  while (commands.length < maxCommands && !(commands.length > 4 && draw.chance(0.18))) {
    commands.push(...drawPart(variant, draw));
  }
  return [...commands.slice(0, maxCommands), { line: "QUIT" }];
}

/** One command, or some that belong together. */
function drawPart(variant: Variant, draw: Draw): readonly Command[] {
  const parts: readonly (readonly [weight: number, part: () => readonly Command[]])[] = [
    [5, () => [{ line: "EHLO client.test" }]],
    [variant.implicitTls ? 1 : 9, () => [starttls(draw), ...(draw.chance(0.75) ? [{ line: "EHLO client.test" }] : [])]],
    [6, () => [mail(draw), rcpt(draw), ...(draw.chance(0.7) ? [{ line: "DATA" }] : [])]],
    [3, () => [mail(draw)]],
    [3, () => [rcpt(draw)]],
    [variant.auth ? 7 : 1.5, () => [auth(draw)]],
    [5, () => [other(draw)]],
  ];
  return draw.weighted(parts)();
}

function starttls(draw: Draw): Command {
  return draw.weighted<Command>([
    [12, { line: "STARTTLS" }],
    [1, { line: "starttls" }],
    [1.5, { line: "STARTTLS now" }],
    [
      2,
      { line: "STARTTLS", pipelined: [draw.pick(["NOOP", "EHLO evil.test", "MAIL FROM:<evil@strict.test>", "RSET"])] },
    ],
  ]);
}

function mail(draw: Draw): Command {
  const sender = draw.pick(["a@strict.test", "a@other.test", "liar@other.test", "b@sub.strict.test", ""]);
  return { line: `MAIL FROM:<${sender}>` };
}

function rcpt(draw: Draw): Command {
  const to = draw.weighted([
    [6, "u@relay.test"],
    [4, "u@elsewhere.test"],
    [1, "secret@relay.test"],
    [1, "none@relay.test"],
    [1, "later@relay.test"],
  ]);
  return { line: `RCPT TO:<${to}>` };
}

function auth(draw: Draw): Command {
  const plain = (password: string) => Buffer.from(`\0${users.name}\0${password}`).toString("base64");
  return {
    line: draw.weighted([
      [6, `AUTH PLAIN ${plain(users.password)}`],
      [2, `AUTH PLAIN ${plain("wrong")}`],
      [1, "AUTH NOSUCH"],
      [1, "AUTH PLAIN !"],
      [0.7, "AUTH"],
    ]),
  };
}

function other(draw: Draw): Command {
  return {
    line: draw.weighted([
      [3, "NOOP"],
      [3, "RSET"],
      [2, "HELO client.test"],
      [1, "HELP"],
      [2, "VRFY u@relay.test"],
      [1, "XYZZY"],
      [1, "EXPN list"],
      [2, "DATA"],
      [1, "RSET now"],
      [1, "EHLO"],
      [0.5, "NOOP something"],
      [0.5, "TURN"],
    ]),
  };
}
