/**
 * Identities of messages: short, sortable by time, unique over workers and restarts.
 */

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function encode(value: number, width: number): string {
  let text = "";
  for (let rest = value, left = width; left > 0; left -= 1) {
    text = `${alphabet[rest % 32]}${text}`;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * Nine characters of time (ms), two of the worker, four of a counter that starts at random: a restart within the same
 * millisecond meets the same identity once in a million times, and then the queue refuses the double, not the mail.
 */
export function createIdMaker(worker: number, now: () => number, random: () => number): () => string {
  let count = Math.floor(random() * 32 ** 4);
  return () => {
    count = (count + 1) % 32 ** 4;
    return `${encode(now(), 9)}${encode(worker, 2)}${encode(count, 4)}`;
  };
}
