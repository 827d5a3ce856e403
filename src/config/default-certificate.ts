/**
 * Which certificate a listener shows where its own settings name none, and whether the one that it shows is for us.
 */
import type { IpAddress } from "../mail/address.ts";
import type { InboundRule, PolicySource } from "../policy/rules.ts";
import { carriesName } from "../tls/names.ts";
import type { InboundMaterial } from "./client-settings.ts";
import { isLoopback } from "./endpoint.ts";
import type { Place } from "./problem.ts";
import { strangerAt } from "./stranger.ts";

export type DefaultCertificate = Readonly<{
  hostname: string;
  defaults: InboundRule;
  /** Other mail servers' configurations, which may name one. */
  sources: readonly PolicySource[];
}>;

type Shown = Readonly<{ name: string; address: IpAddress; port: number; rule: InboundRule }>;

/** @param at where to report */
export function checkCertificate(
  listener: Shown,
  at: Place,
  { hostname, defaults, sources }: DefaultCertificate,
  { certificates, loading: { problems, now } }: InboundMaterial,
): void {
  const { address, rule } = listener;
  if (rule.certificates === undefined && isSaid(listener, sources, now)) return;
  const known = certificates.names;
  if (rule.certificates === undefined) certificates.useOnlyOne();
  const shown = rule.certificates ?? defaults.certificates;
  if (shown === undefined && known.length > 1) {
    const remedy = `add certificate: ${known.join(", or ")}`;
    problems.error(at, "which certificate shall this listener show?", remedy);
  } else if (shown === undefined && known.length === 0 && !isLoopback(address)) {
    const remedy = "add certificates: with the one for your host name, and certificate: here";
    problems.warning(at, "without a certificate this listener shows a self-made one", remedy);
  }
  if (shown === undefined || isLoopback(address)) return;
  const { default: first, others } = shown.value;
  const names = [first, ...others].flatMap((each) => each.names);
  if (carriesName(names, hostname) || carriesName(names, listener.name.toLowerCase())) return;
  const message = `certificate "${first.credentials[0].name}" does not carry our name ${hostname}: whoever checks names will refuse it`;
  problems.warning(at, message, "name one that does, or set hostname: to a name that it carries");
}

/** Another configuration says which certificate is shown there, or that none is: asked for a client like any other. */
function isSaid(listener: Shown, sources: readonly PolicySource[], now: number): boolean {
  const answers = sources.map((source) => source.inbound?.(strangerAt(listener, now)));
  return answers.some((answer) => answer?.certificates !== undefined || answer?.starttls?.value === "never");
}
