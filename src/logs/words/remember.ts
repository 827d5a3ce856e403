/**
 * What a log makes of the same few texts again and again is made once. The texts are peers' to choose: so many are
 * remembered, those that were met last.
 */
import { LRUCache } from "lru-cache";

export function remember(max: number, make: (text: string) => string): (text: string) => string {
  const known = new LRUCache<string, string>({ max });
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const made = make(text);
    known.set(text, made);
    return made;
  };
}
