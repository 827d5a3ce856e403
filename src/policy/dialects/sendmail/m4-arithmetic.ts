/**
 * `eval` of m4: whole numbers, comparisons and logic. `undefined` for what is no expression. Depth is limited.
 */

const symbols = /\s*(\d+|\|\||&&|[=!<>]=|[-+*/%<>!()])/y;

/** From the weakest to the strongest. */
const operators: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

export function evaluate(expression: string): number | undefined {
  if (expression.length > 1000) return undefined;
  const words: string[] = [];
  symbols.lastIndex = 0;
  const trimmed = expression.trimEnd();
  while (symbols.lastIndex < trimmed.length) {
    const word = symbols.exec(trimmed)?.[1];
    if (word === undefined) return undefined;
    words.push(word);
  }
  const left = { words, at: 0, depth: 0 };
  const value = level(left, 0);
  return left.at === words.length ? value : undefined;
}

type Cursor = { readonly words: readonly string[]; at: number; depth: number };

function level(cursor: Cursor, strength: number): number | undefined {
  const here = operators[strength];
  if (here === undefined) return unary(cursor);
  let value = level(cursor, strength + 1);
  for (;;) {
    const operator = cursor.words[cursor.at];
    if (operator === undefined || !here.includes(operator) || value === undefined) return value;
    cursor.at += 1;
    const right = level(cursor, strength + 1);
    value = right === undefined ? undefined : compute(operator, value, right);
  }
}

function unary(cursor: Cursor): number | undefined {
  const word = cursor.words[cursor.at];
  cursor.at += 1;
  cursor.depth += 1;
  if (word === undefined || cursor.depth > 200) return undefined;
  if (/^\d/.test(word)) return Number.parseInt(word, 10);
  if (word === "(") {
    const value = level(cursor, 0);
    return cursor.words[cursor.at++] === ")" ? value : undefined;
  }
  const value = word === "-" || word === "+" || word === "!" ? unary(cursor) : undefined;
  if (value === undefined) return undefined;
  if (word === "!") return value === 0 ? 1 : 0;
  return word === "-" ? -value : value;
}

function compute(operator: string, left: number, right: number): number | undefined {
  switch (operator) {
    case "||":
      return left !== 0 || right !== 0 ? 1 : 0;
    case "&&":
      return left !== 0 && right !== 0 ? 1 : 0;
    case "==":
      return left === right ? 1 : 0;
    case "!=":
      return left !== right ? 1 : 0;
    case "<":
      return left < right ? 1 : 0;
    case "<=":
      return left <= right ? 1 : 0;
    case ">":
      return left > right ? 1 : 0;
    case ">=":
      return left >= right ? 1 : 0;
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    default:
      if (right === 0) return undefined;
      return operator === "/" ? Math.trunc(left / right) : left % right;
  }
}
