// Headers in the file that another program wrote, or damaged.
import { expect, it } from 'vitest';
import { newPath, withFile } from './file.ts';
import { collect, done, json, open } from './opened.ts';

it.each([
  { written: 'not JSON' },
  { written: '' },
  { written: 'null' },
  { written: '[1]' },
  { written: '7' },
])('keeps headers that are no object: $written', async ({ written }) => {
  const path = newPath();
  const adapter = await open({ path });
  await adapter.ensureQueue('orders');
  await adapter.sendMessage('orders', json(1));
  withFile(path, (handle) => handle.prepare('UPDATE content SET headers = ?').run(written));

  const { deliveries } = await collect(adapter, 'orders');
  await expect.poll(() => deliveries.length).toBe(1);
  expect(deliveries[0]!.headers).toEqual({ 'svchost-undecodable': written });
  const error = { name: 'Error', message: 'refused' };
  expect(await deliveries[0]!.settle({ kind: 'dead', reason: 'rejected', error })).toBe(true);

  const dead = await collect(adapter, 'orders_dead');
  await expect.poll(() => dead.deliveries.length).toBe(1);
  expect(dead.deliveries[0]!.headers).toMatchObject({
    'svchost-undecodable': written,
    'svchost-reason': 'rejected',
  });
  await dead.deliveries[0]!.settle(done);
});
