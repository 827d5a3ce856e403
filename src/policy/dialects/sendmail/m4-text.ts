/**
 * Macros of m4 that only make a text out of texts. Pure.
 */

/** `$1`, `$#`, `$*`, `$@` in a definition. */
export function substitute(text: string, name: string, args: readonly string[]): string {
  if (!text.includes("$")) return text;
  return text.replace(/\$(\d+|[#*@])/g, (_, what: string) => {
    if (what === "#") return String(args.length);
    if (what === "*") return args.join(",");
    if (what === "@") return args.map((arg) => `\`${arg}'`).join(",");
    return what === "0" ? name : (args[Number(what) - 1] ?? "");
  });
}

export function ifElse(args: readonly string[]): string {
  for (let at = 0; ; at += 3) {
    const [left = "", right = "", then = "", otherwise = ""] = args.slice(at, at + 4);
    if (args.length - at < 3) return args.length - at === 1 && at > 0 ? left : "";
    if (left === right) return then;
    if (args.length - at <= 4) return otherwise;
  }
}

export function transliterate(text: string, from: string, to: string): string {
  const expandRange = (range: string): string =>
    range.replace(/(.)-(.)/gs, (whole, first: string, last: string) => {
      const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
      if (low > high || high - low > 256) return whole;
      return Array.from({ length: high - low + 1 }, (_, at) => String.fromCharCode(low + at)).join("");
    });
  const left = expandRange(from);
  const right = expandRange(to);
  return [...text].map((letter) => (left.includes(letter) ? (right[left.indexOf(letter)] ?? "") : letter)).join("");
}
