// The processor in the host's real pipeline, in memory and without a broker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runMessages } from "rococo-svchost/testing";
import { MyServiceProcessor } from "./processor.ts";

test("a message is done at its first attempt", async () => {
  const { deliveries } = await runMessages(MyServiceProcessor, [{ id: 1 }]);
  assert.deepEqual(
    deliveries.map(({ outcome }) => outcome),
    ["done"],
  );
});

test("a message without an id becomes a dead letter at once", async () => {
  const { deadLetters } = await runMessages(MyServiceProcessor, [
    { text: "Hello" },
  ]);
  assert.deepEqual(
    deadLetters.map(({ reason, attempts }) => ({ reason, attempts })),
    [{ reason: "rejected", attempts: 1 }],
  );
});
