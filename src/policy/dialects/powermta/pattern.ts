/**
 * `/.../` as PowerMTA takes it (PCRE, letter case ignored unless it begins with `(?-i)`), made into JavaScript's. What
 * JavaScript cannot say is refused, never guessed: a pattern decides as whom mail leaves.
 */
import { type SafePattern, safePattern } from "../safe-pattern.ts";

const classes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    alpha: "A-Za-z",
    digit: "0-9",
    alnum: "A-Za-z0-9",
    upper: "A-Z",
    lower: "a-z",
    space: "\\s",
    blank: " \\t",
    punct: "!-\\/:-@\\[-`{-~",
    word: "\\w",
    xdigit: "0-9A-Fa-f",
  }),
);

const escapes: Readonly<Record<string, string>> = {
  A: "^",
  Z: "(?=\\n?$)",
  z: "$",
  h: "[ \\t]",
  e: "\\x1b",
  a: "\\x07",
};

/** @param body what stands between the slashes */
export function compilePattern(body: string): SafePattern {
  const exact = body.startsWith("(?-i)");
  let translated: string;
  try {
    translated = translate(body.replace(/^\(\?-?i\)/, ""));
  } catch (error) {
    return { kind: "bad", problem: error instanceof Error ? error.message : String(error) };
  }
  return safePattern(translated, exact ? "" : "i");
}

/** Throws what is wrong with it. */
function translate(source: string): string {
  let made = "";
  let inClass = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (char === "\\") {
      made += translateEscape(source.charAt(at + 1), inClass);
      at += 1;
    } else if (inClass) {
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(source.slice(at, at + 40));
      if (posix !== null) {
        const set = classes.get(posix[2] ?? "");
        if (set === undefined || posix[1] !== "") throw new Error(`${posix[0]} is not understood`);
        made += set;
        at += posix[0].length - 1;
      } else {
        made += char === "[" ? "\\[" : char;
        inClass = char !== "]";
      }
    } else if (char === "[") {
      const head = /^\[\^?\]?/.exec(source.slice(at))?.[0] ?? "[";
      made += head.endsWith("]") ? `${head.slice(0, -1)}\\]` : head;
      at += head.length - 1;
      inClass = true;
    } else {
      made += translatePlain(source, at);
    }
  }
  return made;
}

function translateEscape(next: string, inClass: boolean): string {
  if (next === "") throw new Error("a backslash at the end");
  if (!inClass && Object.hasOwn(escapes, next)) return escapes[next] ?? "";
  if (/[dDwWsSbBnrtfv0xu1-9]/.test(next) || !/[A-Za-z]/.test(next)) return `\\${next}`;
  throw new Error(`\\${next} is not understood`);
}

function translatePlain(source: string, at: number): string {
  const char = source.charAt(at);
  if (char === ".") return "[^\\n]";
  if (char === "$") return "(?=\\n?$)";
  if (char === "+" && /[*+?}]/.test(source.charAt(at - 1)) && source.charAt(at - 2) !== "\\") {
    throw new Error("possessive quantifiers are not understood");
  }
  if (
    char === "(" &&
    source.charAt(at + 1) === "?" &&
    !/^\(\?(?:[:=!]|<[=!]|<[A-Za-z])/.test(source.slice(at, at + 4))
  ) {
    throw new Error(`${source.slice(at, at + 3)} is not understood`);
  }
  return char;
}
