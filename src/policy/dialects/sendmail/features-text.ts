/**
 * The right-hand sides of `Srv_Features:` and `Clt_Features:` (letters) and of `TLS_Clt_features:` and
 * `TLS_Srv_features:` (`Name=value;` lists). Sendmail reference, section 6. Linear time, no throw.
 */

/** Upper case switches off, lower case on; only the first letter of a word counts. `temp` is a word of its own. */
export function parseLetters(value: string): readonly string[] {
  return value
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => (/^temp/i.test(word) ? "temp" : word.charAt(0)));
}

export type SessionFeatures = Readonly<{
  options: string | undefined;
  cipherList: string | undefined;
  cipherSuites: string | undefined;
  certFile: string | undefined;
  keyFile: string | undefined;
  flags: string;
  /** What Sendmail would not understand; then STARTTLS is not possible. */
  error: string | undefined;
}>;

const fields = { options: "", cipherlist: "", ciphersuites: "", certfile: "", keyfile: "", flags: "" };

/** Sendmail hands the value through its own words, so blanks around them do not count, and quotes are kept. */
export function parseSessionFeatures(value: string): SessionFeatures {
  const found = new Map<string, string>();
  let error: string | undefined;
  for (const part of value.split(";")) {
    const text = part.trim();
    if (text === "") continue;
    const equals = text.indexOf("=");
    const name = (equals < 0 ? text : text.slice(0, equals)).trim().toLowerCase();
    if (equals < 0 || !Object.hasOwn(fields, name)) error ??= `${name || text} is no such setting`;
    else found.set(name, text.slice(equals + 1).trim());
  }
  if (found.has("certfile") !== found.has("keyfile")) error ??= "CertFile and KeyFile must come together";
  return {
    options: found.get("options"),
    cipherList: found.get("cipherlist"),
    cipherSuites: found.get("ciphersuites"),
    certFile: found.get("certfile"),
    keyFile: found.get("keyfile"),
    flags: found.get("flags") ?? "",
    error,
  };
}

/** In one order; the same meaning. */
export function printSessionFeatures(features: SessionFeatures): string {
  const { options, cipherList, cipherSuites, certFile, keyFile, flags } = features;
  const parts = [
    ["Options", options],
    ["CipherList", cipherList],
    ["CipherSuites", cipherSuites],
    ["CertFile", certFile],
    ["KeyFile", keyFile],
    ["Flags", flags === "" ? undefined : flags],
  ];
  return parts.flatMap(([name, text]) => (text === undefined ? [] : [`${name}=${text};`])).join(" ");
}
