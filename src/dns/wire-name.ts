/**
 * Names from DNS packets as the rest of Letterlock knows names.
 */
import { type Domain, parseDomain } from "../mail/domain.ts";

/**
 * A host name as it stood in a packet; `undefined` for the root, an address, or characters that host names lack.
 * A-labels are taken as they are: whether they decode is the zone's business, the name is asked and compared as
 * ASCII, and decoding 64 KiB of them would stop the event loop for seconds.
 *
 * @param text as `PacketReader.name` gives it
 */
export function hostName(text: string): Domain | undefined {
  const isHostName = parseDomain(text.replaceAll("xn--", "xx--")) !== undefined;
  return isHostName ? (text as Domain) : undefined;
}
