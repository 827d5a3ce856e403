/**
 * One whole run: certificates and situations made, Postfix started for each configuration, everything observed.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Namespace } from "../lab/namespace.ts";
import { type Destinations, planDestinations } from "./destinations.ts";
import type { Job, Observations } from "./ground.ts";
import { firstPort, startPostfixes, writeConfigurations } from "./postfixes.ts";
import { drawVariants, type Variant } from "./situations.ts";

const ground = path.join(import.meta.dirname, "ground.ts");

export type Run = Readonly<{ variants: readonly Variant[]; observations: Observations }>;

export async function runDifferential(seed: number, cases: number): Promise<Run> {
  await using namespace = await Namespace.create();
  const destinations = await planDestinations();
  writeCertificates(path.join(namespace.folder, "tls"), destinations);
  const variants = drawVariants(seed, cases, destinations);
  await writeConfigurations(namespace, variants);
  startPostfixes(namespace, variants);
  for (const index of variants.keys()) await namespace.accepting("127.0.0.1", firstPort + index);
  const job: Job = { folder: namespace.folder, destinations, variants };
  const [jobFile, resultFile] = ["job.json", "result.json"].map((name) => path.join(namespace.folder, name));
  assert.ok(jobFile && resultFile);
  writeFileSync(jobFile, JSON.stringify(job));
  const { code, stderr } = await namespace.run(process.execPath, [ground, jobFile, resultFile]);
  assert.equal(code, 0, stderr);
  return { variants, observations: JSON.parse(readFileSync(resultFile, "utf8")) as Observations };
}

function writeCertificates(folder: string, { certificates, client }: Destinations): void {
  mkdirSync(folder);
  const put = (name: string, text: string) => writeFileSync(path.join(folder, name), text);
  for (const [name, pem] of Object.entries(certificates)) put(`${name}.pem`, pem);
  put("both.pem", `${certificates.other}${certificates.lab}`);
  put("empty.pem", "");
  put("client.pem", client.chainPem);
  put("client.key", client.privateKeyPem);
  put("key.pem", client.privateKeyPem);
}
