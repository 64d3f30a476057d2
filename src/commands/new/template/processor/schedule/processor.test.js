// One run of the processor, as the host would run it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runOnce } from "rococo-svchost/testing";
import { MyServiceProcessor } from "./processor.js";

test("a run succeeds", async () => {
  await runOnce(MyServiceProcessor);
});

test("a run that a deploy cuts off does not go on", async () => {
  const run = runOnce(MyServiceProcessor, { signal: AbortSignal.abort() });
  await assert.rejects(run, { name: "AbortError" });
});
