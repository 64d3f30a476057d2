// The processor in the real pipeline, in memory, and its outbox alone. Neither needs SQS.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMessages } from 'rococo-svchost/testing';
import { Outbox } from './lib/outbox.ts';
import { MailServiceProcessor } from './processor.ts';

const mail = { to: 'ada@example.com', subject: 'Hello' };

test('a mail goes out, and what is no mail becomes a dead letter', async () => {
  const { deliveries, deadLetters } = await runMessages(MailServiceProcessor, [mail, { to: 'nobody' }]);
  assert.deepEqual(
    deliveries.map(({ outcome }) => outcome),
    ['done', 'dead'],
  );
  assert.equal(deadLetters[0]?.reason, 'rejected');
});

test('a mail that is delivered twice goes out once', async () => {
  const outbox = new Outbox();
  const { signal } = new AbortController();
  assert.equal(await outbox.hand(mail, 'message-1', signal), true);
  assert.equal(await outbox.hand(mail, 'message-1', signal), false);
  assert.deepEqual(outbox.mails, [mail]);
});
