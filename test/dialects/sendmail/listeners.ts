/**
 * Letterlock's listeners as a Sendmail configuration has them, for tests: settings as an operator loads them, admission
 * and log-ins as the relay puts them together, without a queue behind.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { admissionRules, createAdmission } from "../../../src/admission/admission.ts";
import { createAuthenticator } from "../../../src/admission/authenticator.ts";
import { loadSettings } from "../../../src/config/load.ts";
import type { Settings } from "../../../src/config/settings.ts";
import type { IpAddress } from "../../../src/mail/address.ts";
import type { ClientName } from "../../../src/mail/client-name.ts";
import { systemClock } from "../../../src/mail/clock.ts";
import { reply } from "../../../src/mail/reply.ts";
import type { SourceFiles } from "../../../src/policy/dialects/dialect.ts";
import type { ReceivedMail, ReceiverOptions } from "../../../src/smtp/server/receiver.ts";
import { startReceiver } from "../../../src/smtp/server/start-receiver.ts";

export type Listening = AsyncDisposable &
  Readonly<{
    /** By the name of the listener. */
    ports: ReadonlyMap<string, number>;
    mails: readonly ReceivedMail[];
  }>;

export type ListeningOptions = Readonly<{
  settings: Settings;
  clientName: (address: IpAddress) => Promise<ClientName>;
  /** The system chooses ports, on 127.0.0.1. Default: where the configuration says. */
  anywhere?: boolean;
}>;

/** @param sendmail paths of its files; @param more lines of letterlock.yaml */
export function settingsFor(sendmail: Readonly<Record<string, string>>, reader: SourceFiles, more = ""): Settings {
  const named = Object.entries({ ...sendmail, version: '"8.18"' }).map(([name, value]) => `${name}: ${value}`);
  const text = `hostname: mx.sendmail.test\npolicy: [sendmail: { ${named.join(", ")} }]\nrelay-networks: []\n${more}`;
  const { settings, problems } = loadSettings({ text, path: "/letterlock.yaml", reader });
  assert.ok(settings, JSON.stringify(problems.filter(({ severity }) => severity === "error")));
  return settings;
}

export async function startListeners({ settings, clientName, anywhere }: ListeningOptions): Promise<Listening> {
  const opened = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(tmpdir(), "letterlock-listeners-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const mails: ReceivedMail[] = [];
  const ports = new Map<string, number>();
  const shared = sharedOptions(settings, folder, mails);
  for (const { name, address, port, implicitTls, bareNewline } of settings.listeners) {
    const options: ReceiverOptions = {
      ...shared,
      listener: name,
      implicitTls,
      bareNewline,
      clientName: settings.clientNames ? clientName : () => undefined,
    };
    const where = anywhere ? { address: "127.0.0.1", port: 0 } : { address, port };
    const receiver = await startReceiver(
      { ...options, ...where, reusePort: false },
      { observe: () => undefined, clock: systemClock },
    );
    opened.defer(() => receiver.stop(0));
    ports.set(name, receiver.port);
  }
  return { ports, mails, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

type SharedOptions = Omit<ReceiverOptions, "listener" | "implicitTls" | "bareNewline" | "clientName">;

function sharedOptions(settings: Settings, folder: string, mails: ReceivedMail[]): SharedOptions {
  const rules = admissionRules(settings);
  const { accepted: _, ...admission } = createAdmission(
    () => rules,
    systemClock,
    () => undefined,
  );
  const { startSasl } = createAuthenticator({
    policy: () => rules.policy,
    users: () => settings.users,
    settings: () => settings.auth,
    clock: systemClock,
    secret: Buffer.alloc(32),
    observe: () => undefined,
  });
  let ids = 0;
  return {
    ...admission,
    startSasl,
    hostname: settings.hostname,
    maxAuthFailures: settings.auth.maxFailuresPerSession,
    limits: settings.limits,
    timeouts: settings.timeouts,
    headersWanted: () => new Map(),
    spoolDirectory: folder,
    newId: () => `id${++ids}`,
    checkClient: () => undefined,
    accept: async (mail) => {
      mails.push(mail);
      return reply(250, "2.0.0", "Taken");
    },
  };
}
