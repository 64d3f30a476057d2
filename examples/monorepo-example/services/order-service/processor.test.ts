// The processor in the real pipeline, in memory, with the schema of the shared package.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMessages } from 'rococo-svchost/testing';
import { acceptOrder } from './lib/handler.ts';
import { OrderServiceProcessor } from './processor.ts';

const order = { id: 7, lines: [{ article: 'tea', quantity: 3, price: 1250 }] };

test('an order is accepted, and its postage is due below 50.00', () => {
  assert.deepEqual(acceptOrder(order), { orderId: 7, total: '37.50', postage: 'due' });
});

test('what is no order becomes a dead letter, with what is wrong with it', async () => {
  const { deliveries, deadLetters } = await runMessages(OrderServiceProcessor, [
    order,
    { id: 8, lines: [{ article: 'tea', quantity: 0.5, price: 1250 }] },
  ]);
  assert.deepEqual(
    deliveries.map(({ outcome }) => outcome),
    ['done', 'dead'],
  );
  assert.equal(deadLetters[0]?.reason, 'invalid');
  assert.match(deadLetters[0].error, /lines\.0\.quantity.*whole number from 1/);
});
