import assert from "node:assert/strict";
import { test } from "node:test";
import { recordedEnvid, recordedOrcpt } from "./envelope-parameters.ts";

test("DS-5 AT-28: ENVID and ORCPT are told decoded, and escaped behind that", () => {
  assert.equal(recordedEnvid(undefined), null);
  assert.equal(recordedEnvid("QQ+2B314"), "QQ+314");
  assert.equal(recordedEnvid("a+0D+0Ab+1B[31m"), "a\\x0d\\x0ab\\x1b[31m");
  assert.equal(recordedOrcpt("rfc822;bob+40example.net"), "rfc822;bob@example.net");
  assert.equal(recordedOrcpt("rfc822;bob@example.net"), "rfc822;bob@example.net");
  assert.equal(recordedOrcpt("rfc822;a+0Ab"), "rfc822;a\\x0ab");
  assert.equal(recordedOrcpt(undefined), null);
});
