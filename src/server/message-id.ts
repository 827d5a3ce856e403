/**
 * Identities of messages: short, sortable by time, unique over workers and restarts. Readers of mail logs take them for
 * queue ids: for Postfix's long ones, and for Sendmail's, which end in digits.
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

/** Identities of one worker in one millisecond. */
const perMillisecond = 1000;

/**
 * Nine characters of time (ms), four digits of the worker, three of a counter that starts at random: a restart within
 * the same millisecond meets the same identity once in a thousand times, and then the queue refuses the double, not the
 * mail. Who wants more than the counter has, or sets the clock back, is given times to come.
 *
 * @param worker up to 9999
 */
export function createIdMaker(worker: number, now: () => number, random: () => number): () => string {
  let count = Math.floor(random() * perMillisecond);
  let time = Number.NEGATIVE_INFINITY;
  let made = 0;
  return () => {
    const present = now();
    if (present > time) [time, made] = [present, 0];
    else if (made === perMillisecond) [time, made] = [time + 1, 0];
    made += 1;
    count = (count + 1) % perMillisecond;
    return `${encode(time, 9)}${String(worker).padStart(4, "0")}${String(count).padStart(3, "0")}`;
  };
}
