/**
 * A tree of directives and sections as PowerMTA's text again.
 */
import type { PowerMtaNode } from "./parse.ts";

/** As text that reads back to the same tree; comments and blank lines are not kept. */
export function printPowerMta(nodes: readonly PowerMtaNode[]): string {
  const lines: string[] = [];
  printInto(lines, nodes, "");
  return lines.map((line) => `${line}\n`).join("");
}

function printInto(lines: string[], nodes: readonly PowerMtaNode[], indent: string): void {
  for (const node of nodes) {
    if (node.kind === "section") {
      lines.push(`${indent}<${[node.name, node.argument].join(" ").trim()}>`);
      printInto(lines, node.children, `${indent}  `);
      lines.push(`${indent}</${node.name}>`);
      continue;
    }
    const line = [node.name, node.value].join(" ").trim();
    lines.push(`${indent}${line}${node.block === undefined ? "" : " <pattern-list>"}`);
    if (node.block === undefined) continue;
    printInto(lines, node.block, `${indent}  `);
    lines.push(`${indent}</pattern-list>`);
  }
}
