/**
 * Every log of a relay as one list: the JSON records (`records:`), then what `logs:` and other mail servers'
 * configurations ask for.
 */
import type { Settings } from "../config/settings.ts";
import type { LogDefinition } from "../mail/log-definition.ts";

/** Proof of what happens to people's mail: for the relay's group to read, for nobody else. */
const mode = 0o640;

export function logDefinitions({ records, logs }: Pick<Settings, "records" | "logs">): readonly LogDefinition[] {
  const { file, inboundFile, maxBytes, keepFiles } = records;
  const json = (name: string, of: "deliveries" | "inbound", path: string): LogDefinition => ({
    name,
    from: "records",
    format: { kind: "json", of },
    target: { kind: "file", path, mode, maxBytes, keepFiles },
    headers: [],
  });
  return [
    json("records.file", "deliveries", file),
    ...(inboundFile === undefined ? [] : [json("records.inbound-file", "inbound", inboundFile)]),
    ...logs,
  ];
}
