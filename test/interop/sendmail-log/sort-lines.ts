/**
 * Whose line is it? Both logs taken apart by story, sessions and deliveries for themselves, and lines of Sendmail's that
 * are about its own insides set aside.
 */
import type { Spoken } from "../sendmail-differential/syslog.ts";
import type { OurLine } from "./run-letterlock.ts";
import { clientAddress, stories } from "./stories.ts";

export type StoryLines = Readonly<{ session: readonly string[]; delivery: readonly string[] }>;

const names = new Map(stories.map((story) => [clientAddress(story), story.name]));

export function byStory(lines: readonly OurLine[]): ReadonlyMap<string, StoryLines> {
  return collected(lines.flatMap(({ client, of, line }) => [{ story: names.get(client ?? ""), of, line }]));
}

/** Each session and each delivery is a process, and some line of it names the client or the story's domain. */
export function theirLines(spoken: readonly Spoken[]): ReadonlyMap<string, StoryLines> {
  const notices = new Set(spoken.flatMap(({ line }) => /^\w{14}: (\w{14}): DSN: /.exec(line)?.[1] ?? []));
  const byPid = Map.groupBy(
    spoken.filter(({ line }) => !isAboutItself(line) && !notices.has(line.slice(0, 14))),
    ({ pid }) => pid,
  );
  const sorted = [...byPid.values()].flatMap((said) => {
    const story = said.map(({ line }) => storyOf(line)).find((name) => name !== undefined);
    const isDelivery = said.some(({ line }) => /^\w+: to=/.test(line));
    return said.map(({ line }) => ({ story, of: isDelivery ? ("delivery" as const) : ("session" as const), line }));
  });
  return collected(sorted);
}

type Sorted = Readonly<{ story: string | undefined; of: OurLine["of"]; line: string }>;

function collected(lines: readonly Sorted[]): ReadonlyMap<string, StoryLines> {
  const own = Map.groupBy(lines, ({ story }) => story);
  return new Map(
    stories.map(({ name }) => {
      const said = own.get(name) ?? [];
      const of = (which: OurLine["of"]): string[] => said.filter(({ of }) => of === which).map(({ line }) => line);
      return [name, { session: of("session"), delivery: of("delivery") }];
    }),
  );
}

function storyOf(line: string): string | undefined {
  const address = /\[(127\.\d+\.\d+\.\d+)\]/.exec(line)?.[1];
  const name = address === undefined ? undefined : names.get(address);
  return name ?? /[@.=<]([sc]-[a-z0-9]+)(?:\.test|@client\.example)/.exec(line)?.[1];
}

/** What it sets up, the octets that go over the wire, and what its libraries say. */
function isAboutItself(line: string): boolean {
  return (
    /^(?:\w{14}: )?(?:---|<--|Milter: |SMTP outgoing connect|SMTP MAIL command|poststats:|engine=|AUTH:? |STARTTLS: )/.test(
      line,
    ) ||
    /^STARTTLS=\w+(?:, (?:init|start|SSL_shutdown|get_verify)|: error)|^error: safesasl|^tls_\w+_features=/.test(line)
  );
}
