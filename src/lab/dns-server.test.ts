import assert from "node:assert/strict";
import { promises as dns } from "node:dns";
import { test } from "node:test";
import { type LabQuestion, type LabZone, startDnsServer } from "./dns-server.ts";

/** The system's own resolver library as a client: an implementation that shares nothing with ours. */
async function lab(zone: LabZone) {
  const questions: LabQuestion[] = [];
  const server = await startDnsServer(zone, { onQuestion: (question) => questions.push(question) });
  const client = new dns.Resolver({ tries: 1, timeout: 2000 });
  client.setServers([`${server.address}:${server.port}`]);
  return { server, client, questions, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function codeOf(question: Promise<unknown>): Promise<string> {
  return question.then(
    () => "answered",
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
}

test("the lab's DNS server answers a stranger's resolver", async () => {
  await using world = await lab({
    "example.com": { mx: [[10, "mx.example.com"]], txt: [["v=STSv1; ", "id=1;"]] },
    "mx.example.com": { a: ["192.0.2.1"], aaaa: ["2001:db8::1"] },
    "null.example.com": { mx: [[0, "."]] },
    "alias.example.com": { cname: "mx.example.com" },
    "broken.example.com": { misbehave: { A: "servfail" }, mx: [[1, "mx.example.com"]] },
  });
  const { client } = world;
  const mx = async (name: string) =>
    (await client.resolveMx(name)).map(({ priority, exchange }) => [priority, exchange]);
  assert.deepEqual(await mx("example.com"), [[10, "mx.example.com"]]);
  assert.deepEqual(await client.resolveTxt("example.com"), [["v=STSv1; ", "id=1;"]]);
  assert.deepEqual(await client.resolve4("alias.example.com"), ["192.0.2.1"]);
  assert.deepEqual(await client.resolve6("mx.example.com"), ["2001:db8::1"]);
  assert.deepEqual(await mx("null.example.com"), [[0, ""]]);
  assert.equal(await codeOf(client.resolve4("example.com")), "ENODATA");
  assert.equal(await codeOf(client.resolve4("none.example.com")), "ENOTFOUND");
  assert.equal(await codeOf(client.resolve4("broken.example.com")), "ESERVFAIL");
  assert.equal(await codeOf(client.resolveMx("broken.example.com")), "answered");
});

test("the lab's DNS server gives long answers over TCP, and counts what it was asked", async () => {
  const text = "x".repeat(250);
  const zone: LabZone = { "long.example.com": { txt: Array(20).fill(text) } };
  await using world = await lab(zone);
  assert.equal((await world.client.resolveTxt("long.example.com")).length, 20);
  assert.deepEqual(
    world.questions.map(({ transport }) => transport),
    ["udp", "tcp"],
  );
  assert.equal(world.server.asked("long.example.com", "TXT"), 2);
  assert.equal(world.server.asked("long.example.com", "MX"), 0);
  zone["long.example.com"] = { txt: ["short"] };
  assert.deepEqual(await world.client.resolveTxt("long.example.com"), [["short"]]);
});
