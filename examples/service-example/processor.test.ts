// The processor in the real pipeline, in memory: a message that fails is retried, and one that cannot work is dead-lettered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMessages } from 'rococo-svchost/testing';
import { ChildLoggingServiceProcessor } from './processor.ts';

test('a message that fails is tried again a second later', async () => {
  const { deliveries, deadLetters } = await runMessages(ChildLoggingServiceProcessor, [
    { text: 'Hello', failOnce: true },
  ]);
  assert.deepEqual(
    deliveries.map(({ outcome, delay }) => ({ outcome, delay })),
    [
      { outcome: 'retry', delay: 1 },
      { outcome: 'done', delay: undefined },
    ],
  );
  assert.deepEqual(deadLetters, []);
});

test('a message that can never work becomes a dead letter at its first attempt', async () => {
  const { deadLetters } = await runMessages(ChildLoggingServiceProcessor, [{ text: 'Hello', reject: true }]);
  assert.equal(deadLetters[0]?.reason, 'rejected');
});
