// No message is lost and no call loops hot, however calls fail: through a proxy that breaks them.
import { expect, it, vi } from 'vitest';
import { bodyOf, consume, createRig, done, eventsOf, remaining, type Rig } from './rig.ts';
import { SkewedClock } from '../../support/skewed-clock.ts';
import type { Fault } from './fault-proxy.ts';

const patience = { timeout: 50_000, interval: 20 };

/** Not at random: the same faults in each run. */
function everyNth<T extends Fault>(faults: readonly [nth: number, fault: T][]) {
  let call = 0;
  return (): T | 'pass' => {
    call++;
    return faults.find(([nth]) => call % nth === 0)?.[1] ?? 'pass';
  };
}

function attempts({ proxy }: Rig): number {
  return (
    (proxy.calls['ReceiveMessage'] ?? 0) +
    (proxy.calls['DeleteMessageBatch'] ?? 0) +
    (proxy.calls['ChangeMessageVisibilityBatch'] ?? 0)
  );
}

it('loses none of 10,000 messages to 500s, throttling, cut sockets, hangs and batches that fail in part', async () => {
  // Its time limits of ten seconds are over in two and a half.
  await using rig = await createRig({ visibilityTimeoutS: 4, listenIntervalS: 1 }, new SkewedClock(4));
  const queue = rig.createQueue();
  rig.fill(queue, 10_000);
  const faults: readonly [number, Exclude<Fault, object>][] = [
    [397, 'hang'],
    [41, 'cut-answer'],
    [29, 'cut'],
    [23, 'error'],
    [19, 'throttle'],
    [7, 'partial'],
  ];
  // Each kind of call meets each fault.
  const rules: Record<string, () => Exclude<Fault, object>> = {
    ReceiveMessage: everyNth(faults),
    DeleteMessageBatch: everyNth(faults),
  };
  const others = everyNth(faults);
  const met: Record<string, number> = {};
  rig.proxy.rule = (action) => {
    const fault = (rules[action] ?? others)();
    const meeting = `${action} ${fault}`;
    met[meeting] = (met[meeting] ?? 0) + 1;
    return fault;
  };
  const seen = new Set<string>();
  const { failures } = await consume(rig, queue, 200, async (delivery) => {
    seen.add(bodyOf(delivery));
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(seen.size).toBe(10_000), patience);
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(failures).toEqual([]);
  for (const [, fault] of faults) {
    for (const action of Object.keys(rules)) expect(met).toHaveProperty([`${action} ${fault}`]);
  }
  // None was waited for during the minute that it hangs.
  const hangs = Object.entries(met).filter(([meeting]) => meeting.endsWith('hang'));
  const hung = hangs.reduce((sum, [, count]) => sum + count, 0);
  await vi.waitFor(() => expect(rig.proxy.givenUp).toBe(hung), patience);
  const { receive, delete: deletes, visibility } = rig.adapter.calls;
  // All calls are counted: none is hidden in the SDK.
  expect(receive + deletes + visibility).toBe(attempts(rig));
});

it('tries failed entries of a batch again, so that no message is processed twice', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue({ VisibilityTimeout: '600' });
  rig.fill(queue, 200);
  rig.proxy.rule = (action) => (action === 'DeleteMessageBatch' ? 'partial' : 'pass');
  const seen: string[] = [];
  await consume(rig, queue, 50, async (delivery) => {
    seen.push(bodyOf(delivery));
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect([seen.length, new Set(seen).size]).toEqual([200, 200]);
});

it('makes at most 0.22 calls for each message of a busy queue', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 3_000);
  const before = rig.proxy.total;
  let count = 0;
  await consume(rig, queue, 50, async (delivery) => {
    // Work of its own length, so that slots free up one by one.
    await new Promise((resolve) => setTimeout(resolve, count++ % 20));
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  const perMessage = (rig.proxy.total - before) / 3_000;
  expect(perMessage).toBeLessThanOrEqual(0.22);
});

it('makes one call in each listen interval while a queue is empty', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  await consume(rig, queue, 50, () => undefined);
  await vi.waitFor(() => expect(rig.proxy.calls['ReceiveMessage']).toBe(1));
  const startedAt = Date.now();
  await vi.waitFor(() => expect(rig.proxy.calls['ReceiveMessage']).toBe(4), patience);
  expect(Date.now() - startedAt).toBeGreaterThan(2_500);
});

it.concurrent.for<[string, Fault]>([
  ['500s', 'error'],
  ['throttling', 'throttle'],
  ['cut sockets', 'cut'],
  ['denied receives', { error: 'AccessDeniedException', status: 403 }],
  ['expired credentials', { error: 'ExpiredTokenException', status: 403 }],
])('doubles the pause between receives that fail, and recovers: %s', async ([, fault]) => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const times: number[] = [];
  rig.proxy.rule = (action) => {
    if (action !== 'ReceiveMessage') return 'pass';
    times.push(Date.now());
    return times.length < 5 ? fault : 'pass';
  };
  const seen: string[] = [];
  const { failures } = await consume(rig, queue, 1, async (delivery) => {
    seen.push(bodyOf(delivery));
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(seen).toEqual(['0']), patience);
  // 100, 200, 400 and 800 ms, a tenth less at most.
  const pauses = times.slice(0, 5).map((time, index) => time - (times[index - 1] ?? time));
  for (const [index, least] of [90, 180, 360, 720].entries()) {
    expect(pauses[index + 1]).toBeGreaterThanOrEqual(least - 5);
  }
  expect(failures).toEqual([]);
  const losses = eventsOf(rig, 'consumer-lost');
  expect(losses.map(({ failures: inARow }) => inARow)).toEqual([1, 2, 3, 4]);
  expect(losses[0]!.queue).toBe(queue);
});

it('counts polls that fail together as one failure, and recovers as soon as after one', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 500);
  let [polls, open] = [0, 0];
  rig.proxy.rule = (action) => {
    if (action !== 'ReceiveMessage' || ++polls <= 5) return 'pass';
    open++;
    return 'hang';
  };
  await consume(rig, queue, 100, (delivery) => delivery.settle(done));
  await vi.waitFor(() => expect(open).toBeGreaterThanOrEqual(5), patience);
  const backAt: number[] = [];
  rig.proxy.rule = (action) => {
    if (action === 'ReceiveMessage') backAt.push(Date.now());
    return 'pass';
  };
  const cutAt = Date.now();
  rig.proxy.reset();
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(backAt[0]! - cutAt).toBeLessThan(700);
  const losses = eventsOf(rig, 'consumer-lost');
  expect(losses.length).toBeGreaterThanOrEqual(5);
  expect(losses.every(({ failures }) => failures === 1)).toBe(true);
});

it('creates a queue again that is deleted while it is consumed, and reports it', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  const seen: string[] = [];
  await consume(rig, queue, 1, async (delivery) => {
    seen.push(bodyOf(delivery));
    await delivery.settle(done);
  });
  rig.server.deleteQueue(queue);
  await vi.waitFor(() => expect(eventsOf(rig, 'queue-created')).toHaveLength(1), patience);
  rig.server.sendMessage(queue, '"after"');
  await vi.waitFor(() => expect(seen).toEqual(['"after"']), patience);
  expect(eventsOf(rig, 'consumer-lost')[0]!.error.message).toContain(`no queue "${queue}"`);
});

it('gives up the outcome of a message whose queue is deleted, reports it, and continues', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const seen: string[] = [];
  const settled: boolean[] = [];
  const { failures } = await consume(rig, queue, 1, async (delivery) => {
    seen.push(bodyOf(delivery));
    if (seen.length === 1) rig.server.deleteQueue(queue);
    settled.push(await delivery.settle(done));
  });
  await vi.waitFor(() => {
    expect(settled).toEqual([false]);
    expect(eventsOf(rig, 'lease-lost')[0]!.error.message).toContain(`no queue "${queue}"`);
  }, patience);
  await vi.waitFor(() => expect(eventsOf(rig, 'queue-created')).toHaveLength(1), patience);
  rig.server.sendMessage(queue, '"after"');
  await vi.waitFor(() => expect(seen).toEqual(['0', '"after"']), patience);
  await vi.waitFor(() => expect(settled).toEqual([false, true]), patience);
  expect(failures).toEqual([]);
});

it('does not delete a message before its dead letter is confirmed', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const order: string[] = [];
  let refused = 0;
  rig.proxy.rule = (action) => {
    order.push(action);
    return action === 'SendMessageBatch' && ++refused <= 6 ? 'error' : 'pass';
  };
  await consume(rig, queue, 1, (delivery) =>
    delivery.settle({ kind: 'dead', reason: 'failed', error: { name: 'Error', message: 'bell \u0007' } }),
  );
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(order.lastIndexOf('SendMessageBatch')).toBeLessThan(order.indexOf('DeleteMessageBatch'));
  const [letter] = rig.server.inspectQueue(`${queue}_dead`)!.messages.ready;
  expect(letter!.body).toBe('0');
  expect(letter!.messageAttributes['svchost-error']!.StringValue).toBe('Error: bell \uFFFD');
  expect(rig.server.inspectQueue(`${queue}_dead`)!.messages.ready).toHaveLength(1);
});

it('sends dead letters to the target of the redrive policy, and keeps all of ten headers', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const target = rig.createQueue();
  const { arn } = rig.server.inspectQueue(target)!;
  const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 10 });
  const queue = rig.createQueue({ RedrivePolicy: policy });
  const names = Array.from({ length: 10 }, (_, index) => `header-${index}`);
  const entries = names.map((name) => [name, { DataType: 'String', StringValue: name }]);
  rig.server.sendMessage(queue, '1', {
    messageAttributes: Object.fromEntries(entries) as Record<
      string,
      { DataType: string; StringValue: string }
    >,
  });
  await consume(rig, queue, 1, (delivery) =>
    delivery.settle({ kind: 'dead', reason: 'invalid', error: { name: 'Error', message: 'no' } }),
  );
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(rig.server.inspectQueue(`${queue}_dead`)).toBeUndefined();
  const attributes = rig.server.inspectQueue(target)!.messages.ready[0]!.messageAttributes;
  expect(Object.keys(attributes)).toHaveLength(10);
  expect(attributes['svchost-reason']!.StringValue).toBe('invalid');
  const packed = JSON.parse(attributes['svchost-headers']!.StringValue!) as Record<string, unknown>;
  expect([...Object.keys(packed), ...Object.keys(attributes)]).toEqual(expect.arrayContaining(names));
});
