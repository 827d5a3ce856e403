/**
 * How Sendmail cuts a text into words before a rule looks at it, tried out on Sendmail 8.18 (`sendmail -bt`): each of
 * `. : % @ ! ^ / [ ] +` is a word of its own, so are `( ) < > , ;`; blanks end a word and are lost, so is a comment in
 * parentheses and a `>` without its `<`. That is why `ENCR : 112 (at least)` is the same as `ENCR:112`.
 * Linear time, no throw.
 */

const operators = ".:%@!^/[]+";
const delimiters = "<>,;";
const blanks = " \t\r\n\v\f";

export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let angles = 0;
  const flush = (): void => {
    if (word !== "") words.push(word);
    word = "";
  };
  for (let at = 0; at < text.length; ) {
    const letter = text.charAt(at);
    at += 1;
    if (letter === '"') {
      flush();
      const end = endOfQuoted(text, at);
      // A quotation that does not end is closed; a backslash that quotes nothing is lost.
      const content = text.slice(at, end);
      words.push(end < text.length ? `"${content}"` : `"${content.replace(/^((?:[^\\]|\\.)*)\\$/s, "$1")}"`);
      at = end + 1;
    } else if (letter === "(") {
      flush();
      at = endOfComment(text, at);
    } else if (letter === "\\") {
      // A trailing backslash is lost.
      if (at < text.length) word += letter + text.charAt(at);
      at += 1;
    } else if (operators.includes(letter) || delimiters.includes(letter)) {
      flush();
      if (letter === "<") angles += 1;
      if (letter === ">") angles -= 1;
      if (angles < 0) angles = 0;
      else words.push(letter);
    } else if (blanks.includes(letter) || letter === ")") flush();
    else word += letter;
  }
  flush();
  return words;
}

/** Words as one text again, the way Sendmail prints them: a blank only where two would run into one. */
export function joinWords(words: readonly string[]): string {
  let text = "";
  let wasPlain = false;
  for (const word of words) {
    const plain = !operators.includes(word) && !delimiters.includes(word);
    text += plain && wasPlain ? ` ${word}` : word;
    wasPlain = plain;
  }
  return text;
}

function endOfQuoted(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

function endOfComment(text: string, start: number): number {
  let depth = 1;
  let at = start;
  for (; at < text.length && depth > 0; at += 1) {
    const letter = text.charAt(at);
    if (letter === "\\") at += 1;
    else if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
  }
  return at;
}
