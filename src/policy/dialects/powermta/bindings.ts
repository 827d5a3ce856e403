/**
 * Virtual MTAs as bindings: source address and EHLO name, the global ones where a virtual MTA states none (reference,
 * sections 1.3 and 4.2). `{default}` is the one that PowerMTA has where nothing chooses another.
 */
import type { IpAddress } from "../../../mail/address.ts";
import { type Domain, parseDomain } from "../../../mail/domain.ts";
import { isIpv6 } from "../../../mail/ip.ts";
import type { DialectBinding } from "../dialect.ts";
import type { Configuration, Pool, Statements, VirtualMta } from "./configuration.ts";
import { textOf } from "./lines.ts";
import { defaultOrigin, type NoteList, originAt } from "./note-list.ts";
import type { Directive } from "./parse.ts";
import { parseSourceHost } from "./values.ts";

export const defaultVirtualMta = "{default}";

export function bindingsOf(configuration: Configuration, notes: NoteList): readonly DialectBinding[] {
  const { globals, virtualMtas } = configuration;
  const everywhere = sourceOf(globals.get("smtp-source-host") ?? [], notes);
  const ours = hostNameOf(globals);
  checkHostName(globals, notes);
  const made: DialectBinding[] = [
    {
      name: defaultVirtualMta,
      group: undefined,
      ...everywhere.addresses,
      ehlo: everywhere.ehlo ?? ours,
      credential: undefined,
      from: defaultOrigin,
    },
  ];
  for (const virtualMta of virtualMtas.values()) {
    const { name, statements, place } = virtualMta;
    const lines = statements.get("smtp-source-host");
    const own = lines === undefined ? everywhere : sourceOf(lines, notes);
    const named = hostNameOf(statements);
    checkHostName(statements, notes);
    const ehlo = lines === undefined ? (named ?? own.ehlo ?? ours) : (own.ehlo ?? named ?? ours);
    const group = groupOf(virtualMta)?.name;
    made.push({
      name,
      group,
      ...own.addresses,
      ehlo,
      credential: undefined,
      from: originAt(place, `virtual-mta ${name}`),
    });
  }
  return made;
}

/** The pool whose `<domain>` sections it inherits, else the first that it is a member of. */
export function groupOf({ pools }: VirtualMta): Pool | undefined {
  return pools.find(({ scope }) => !scope.isEmpty) ?? pools[0];
}

function checkHostName(statements: Statements, notes: NoteList): void {
  const first = statements.get("host-name")?.[0];
  if (first === undefined || hostNameOf(statements) !== undefined) return;
  const text = `host-name ${textOf(first.value)} is no domain name: Letterlock's own name is used in its place`;
  notes.differs(first, text, "write a name such as mail.example.com");
}

/** The first of `host-name` is the main one. */
export function hostNameOf(statements: Statements): Domain | undefined {
  const first = statements.get("host-name")?.[0];
  return first === undefined ? undefined : parseDomain(textOf(first.value));
}

type Addresses = Readonly<{ sourceAddress4: IpAddress | undefined; sourceAddress6: IpAddress | undefined }>;
type SourceHosts = Readonly<{ addresses: Addresses; ehlo: Domain | undefined }>;

/** The first address of each family; further ones, and blocks, are told. */
function sourceOf(lines: readonly Directive[], notes: NoteList): SourceHosts {
  let sourceAddress4: IpAddress | undefined;
  let sourceAddress6: IpAddress | undefined;
  let ehlo: Domain | undefined;
  for (const line of lines) {
    const parsed = parseSourceHost(line.value);
    if (parsed === undefined) continue;
    const { block, host } = parsed;
    const { single } = block;
    if (single === undefined)
      notes.differs(line, `smtp-source-host: of the block ${block.text} the system chooses the address`);
    else if ((isIpv6(single) ? sourceAddress6 : sourceAddress4) !== undefined) {
      notes.differs(line, `smtp-source-host: ${single} is not used: one address of each kind is, they take no turns`);
      continue;
    } else if (isIpv6(single)) sourceAddress6 = single;
    else sourceAddress4 = single;
    if (ehlo === undefined) ehlo = host;
    else if (ehlo !== host)
      notes.differs(line, `smtp-source-host: we say EHLO ${ehlo} from this address too, not ${host}`);
  }
  return { addresses: { sourceAddress4, sourceAddress6 }, ehlo };
}
