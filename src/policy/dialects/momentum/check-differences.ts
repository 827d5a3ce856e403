/**
 * What is understood differently as a whole, told once at the first line that it concerns.
 */
import { keywordOf, type Model, type Setting, textOf } from "./model.ts";
import type { Notes } from "./notes.ts";
import { stanzasOf } from "./resolve.ts";

export function checkDifferences(model: Model, notes: Notes): void {
  const { modules } = model;
  const [first] = [...model.bindings.values()].filter(({ name }) => name !== "default");
  if (first !== undefined) {
    const text = "which mail takes which binding is a script in Momentum, not in this configuration";
    notes.add(
      "differs",
      first.container.at,
      text,
      "write binding-rules: in letterlock.yaml (sender domain, client, listener)",
    );
  }
  const script = modules.find(({ name }) => name === "scriptlet");
  if (script !== undefined) {
    const text = "scripts can set TLS, binding and routing domain of each message; Letterlock does not run them";
    notes.add("differs", script.at, text, "restate what they decide in letterlock.yaml");
  }
  const encrypting = firstWith(model, "tls", (keyword) => keyword !== "no");
  if (encrypting !== undefined) {
    const text = "the MX host's name is sent as SNI; Momentum's manual says nothing of SNI";
    notes.add("differs", encrypting, text);
  }
  const named = firstWith(model, "tls_verify", (keyword) => keyword === "host");
  if (named !== undefined) {
    const text = "a wildcard in a certificate stands for one whole label; Momentum's manual says nothing of wildcards";
    notes.add("differs", named, text);
  }
  const login = firstWith(model, "outbound_smtp_auth_type", () => true);
  if (login !== undefined) {
    notes.add(
      "warning",
      login,
      "Momentum sends this password in clear where tls allows it",
      'set tls = "required" there',
    );
  }
}

function firstWith(model: Model, name: string, wanted: (keyword: string) => boolean): Setting | undefined {
  for (const { settings } of stanzasOf(model)) {
    const setting = settings.get(name);
    if (setting !== undefined && textOf(setting) !== undefined && wanted(keywordOf(setting) ?? "")) return setting;
  }
  return undefined;
}
