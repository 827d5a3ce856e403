/**
 * Both forms of a listener: the line `smtp-listener 192.0.2.1:465 tls=yes source=in1` and the section of version 5
 * (reference, section 2.2).
 */
import type { Listener } from "./configuration.ts";
import { textOf, wordsOf } from "./lines.ts";
import type { Directive, Section } from "./parse.ts";
import type { SectionReader } from "./section-reader.ts";
import { booleanOf, parseEndpoint } from "./values.ts";

/** `undefined` where the address is wrong; that was told when the line was checked. */
export function listenerLine(node: Directive): Listener | undefined {
  const [text = "", ...parameters] = wordsOf(node.value);
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) return undefined;
  const source = parameterOf(parameters, "source");
  const tls = parameterOf(parameters, "tls");
  return {
    ...endpoint,
    text,
    place: node,
    statements: new Map(),
    source: source === undefined ? undefined : { name: source, place: node },
    implicitTls: tls === undefined ? undefined : { on: booleanOf(tls) === true, place: node },
  };
}

export function listenerSection(node: Section, reader: SectionReader): Listener | undefined {
  const text = textOf(node.argument);
  const endpoint = parseEndpoint(text);
  const statements = reader.statements(node);
  if (endpoint === undefined) {
    reader.notes.error(node, `<smtp-listener ${text}> is no address and port`, "write <smtp-listener 192.0.2.1:25>");
    return undefined;
  }
  const source = statements.get("source")?.at(-1);
  const tls = statements.get("immediate-tls")?.at(-1);
  return {
    ...endpoint,
    text,
    place: node,
    statements,
    source: source === undefined ? undefined : { name: textOf(source.value), place: source },
    implicitTls: tls === undefined ? undefined : { on: booleanOf(tls.value) === true, place: tls },
  };
}

function parameterOf(words: readonly string[], name: string): string | undefined {
  const prefix = `${name}=`;
  return words.find((word) => word.toLowerCase().startsWith(prefix))?.slice(prefix.length);
}
