/**
 * The addresses and ports that `smtp-listener` opens; 0.0.0.0:25 where no listener is written (reference, section 2.2).
 */
import type { IpAddress } from "../../../mail/address.ts";
import type { DialectListener } from "../dialect.ts";
import { withoutCovered } from "../open-listeners.ts";
import type { AddressBlock } from "./address-block.ts";
import type { Configuration } from "./configuration.ts";
import type { NoteList } from "./note-list.ts";
import { defaultOrigin, originAt } from "./note-list.ts";

export function listenersOf({ listeners }: Configuration): readonly DialectListener[] {
  if (listeners.length === 0) {
    const address = "0.0.0.0" as IpAddress;
    return [{ name: "0.0.0.0:25", address, port: 25, implicitTls: false, from: defaultOrigin }];
  }
  const made = listeners.flatMap(({ block, port, text, place, implicitTls }): DialectListener[] => {
    const address = addressOf(block);
    if (address === undefined) return [];
    const from = originAt(place, `listener ${text}`);
    return [{ name: text, address, port, implicitTls: implicitTls?.on === true, from }];
  });
  return withoutCovered(made);
}

/** Which of this machine's addresses lie in a block, no configuration says: opening more than asked for is no way out. */
export function checkListeners({ listeners, main }: Configuration, notes: NoteList): void {
  if (listeners.length === 0) {
    const text = "smtp-listener: PowerMTA, where none is written, listens on 0.0.0.0:25; Letterlock on loopback alone";
    notes.differs(main, text, "write smtp-listener 0.0.0.0:25, or listeners: in letterlock.yaml");
  }
  for (const { block, text, place } of listeners) {
    if (addressOf(block) !== undefined) continue;
    const why = `smtp-listener ${text}: a block of addresses is not listened on`;
    notes.differs(place, why, "write each address on a line of its own, or 0.0.0.0");
  }
}

function addressOf({ family, prefix, single }: AddressBlock): IpAddress | undefined {
  if (prefix === 0) return (family === 6 ? "::" : "0.0.0.0") as IpAddress;
  return single;
}
