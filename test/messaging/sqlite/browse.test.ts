// Lists the messages of a queue without removing any.
import { NotConnectedError } from '../../../src/errors.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { testContext } from '../../support/context.ts';
import { SqliteConnection } from '../../../src/messaging/sqlite/connection.ts';
import { newPath } from './file.ts';

async function open(): Promise<SqliteConnection> {
  const context = testContext();
  const adapter = new SqliteConnection({ path: newPath() }, context);
  onTestFinished(() => adapter.close());
  await adapter.connect();
  await adapter.ensureQueue('orders');
  return adapter;
}

const idsOf = (messages: readonly { readonly messageId: string }[]) =>
  messages.map(({ messageId }) => messageId);

describe('the messages waiting in a queue', () => {
  it('are listed whole, the newest ones, oldest first, and stay', async () => {
    const adapter = await open();
    for (const messageId of ['a', 'b', 'c']) {
      await adapter.sendMessage('orders', Buffer.from(`"${messageId}"`), {
        messageId,
        headers: { tenant: 'x' },
      });
    }
    for (let look = 1; look <= 2; look++) {
      const found = await adapter.browseMessages('orders', 2);
      expect(idsOf(found)).toEqual(['b', 'c']);
      expect(found[0]?.headers).toEqual({ tenant: 'x' });
      expect(Buffer.from(found[0]!.body).toString()).toBe('"b"');
    }
    expect(await adapter.countMessages('orders')).toBe(3);
  });

  it('do not include those in flight', async () => {
    const adapter = await open();
    for (const messageId of ['a', 'b']) await adapter.sendMessage('orders', Buffer.from('1'), { messageId });
    const { promise: delivered, resolve, reject } = Promise.withResolvers<Delivery>();
    const options = { concurrency: 1, deadLetterQueueName: 'orders_dead', onFailure: reject };
    await adapter.consumeMessages('orders', resolve, options);
    await delivered;
    expect(idsOf(await adapter.browseMessages('orders', 10))).toEqual(['b']);
  });

  it('are none if the queue does not exist', async () => {
    expect(await (await open()).browseMessages('orders_dead', 10)).toEqual([]);
  });

  it('cannot be listed without a connection', async () => {
    const adapter = await open();
    await adapter.close();
    await expect(adapter.browseMessages('orders', 10)).rejects.toBeInstanceOf(NotConnectedError);
  });
});
