// Bodies and headers arrive as they were sent, whatever their content, on any broker.
import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import type { Headers } from '../../../src/messaging/message.ts';
import { header } from '../../../src/messaging/dead-letter.ts';
import type { Broker } from './broker.ts';
import { bytes, consume, dead, ownHeader, retryAfter, shortDelayMs } from './inbox.ts';

/** Declares the tests. */
export function describeContent({ openQueue, browseUntil, harness }: Broker): void {
  const { capabilities } = harness;
  const bodies: Record<string, Uint8Array> = {
    'of the largest size': new Uint8Array(capabilities.largestBodyBytes ?? 10 * 1024 * 1024).fill(120),
    'that is not JSON': bytes('{"half": '),
    ...(capabilities.binaryBodies && {
      'without a byte': new Uint8Array(0),
      'that is not UTF-8': Uint8Array.from([0xff, 0xfe, 0x00, 0xc3, 0x28]),
    }),
  };

  it.for(Object.entries(bodies))(
    'keeps a body %s, through a retry and into a dead letter',
    async ([, body]) => {
      const { adapter, queue } = await openQueue();
      await adapter.sendMessage(queue, body);
      const inbox = await consume(adapter, queue);
      const first = await inbox.next();
      expect(Buffer.compare(first.body, body)).toBe(0);
      await first.settle(retryAfter(shortDelayMs));
      const second = await inbox.next();
      expect(Buffer.compare(second.body, body)).toBe(0);
      await second.settle(dead);
      const [letter] = await browseUntil(`${queue}_dead`, 1);
      expect(Buffer.compare(letter!.body, body)).toBe(0);
    },
  );

  it('keeps headers of any depth, through a retry', async () => {
    const { adapter, queue } = await openQueue();
    const headers = { deep: { list: [1, { two: [true, 'ü'] }], none: null }, count: 3, flag: false };
    await adapter.sendMessage(queue, bytes('1'), { headers });
    const inbox = await consume(adapter, queue);
    const first = await inbox.next();
    expect(first.headers).toMatchObject(headers);
    await first.settle(retryAfter(shortDelayMs));
    expect((await inbox.next()).headers).toMatchObject(headers);
  });

  it('treats a header named __proto__ like any other', async () => {
    const { adapter, queue } = await openQueue();
    const headers = JSON.parse('{"__proto__": "mine", "tenant": "a"}') as Headers;
    await adapter.sendMessage(queue, bytes('1'), { headers });
    const inbox = await consume(adapter, queue);
    const first = await inbox.next();
    const expected = capabilities.protoHeader ? 'mine' : undefined;
    expect(ownHeader(first, '__proto__')).toBe(expected);
    await first.settle(retryAfter(shortDelayMs));
    const second = await inbox.next();
    expect(ownHeader(second, '__proto__')).toBe(expected);
    expect(second.headers['tenant']).toBe('a');
  });

  it("is not deceived by a sender that writes svchost's headers", async () => {
    const { adapter, queue } = await openQueue();
    const forged = {
      [header.attempt]: 4,
      [header.firstSeen]: '1999-01-01T00:00:00.000Z',
      [header.attempts]: 99,
      [header.reason]: 'timeout',
      [header.error]: 'forged',
      [header.sourceQueue]: 'elsewhere',
      [header.lastSeen]: '1999-01-01T00:00:00.000Z',
      [header.headersDropped]: true,
    };
    const startedAt = Date.now();
    await adapter.sendMessage(queue, bytes('1'), { headers: forged });
    const inbox = await consume(adapter, queue);
    const first = await inbox.next();
    expect(first.attempt).toBe(1);
    expect(first.headers).not.toHaveProperty(header.attempt);
    await first.settle(retryAfter(shortDelayMs));
    const second = await inbox.next();
    expect(second.attempt).toBe(2);
    expect(second.headers[header.attempt]).toBe(2);
    expect(Date.parse(String(second.headers[header.firstSeen]))).toBeGreaterThan(startedAt - 2000);
    await second.settle(dead);
    const [letter] = await browseUntil(`${queue}_dead`, 1);
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'failed',
      [header.error]: 'TypeError: no such order',
      [header.sourceQueue]: queue,
      [header.attempts]: 2,
    });
    for (const name of [header.firstSeen, header.lastSeen])
      expect(Date.parse(String(letter!.headers[name]))).toBeGreaterThan(startedAt - 2000);
    expect(letter!.headers).not.toHaveProperty(header.attempt);
    expect(letter!.headers).not.toHaveProperty(header.headersDropped);
  });
}
