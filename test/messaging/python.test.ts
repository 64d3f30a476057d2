// The Python host on the other side: svchost reads its messages, and it can read those of svchost, on the same queues.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connect, type Channel, type GetMessage } from 'amqplib';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { header } from '../../src/messaging/dead-letter.ts';
import { encodeMessage } from '../../src/messaging/message.ts';
import { SqsConnection } from '../../src/messaging/sqs/connection.ts';
import { deadLetters, expectEmpty, patience, rabbitMqBroker } from '../service/broker.ts';
import { host } from '../service/hosted.ts';
import { mustRun } from '../support/command.ts';
import { sqsOptions } from './sqs/harness.ts';
import { testContext } from '../support/context.ts';
import { startServer } from './sqs/server.ts';

const folder = path.join(import.meta.dirname, 'python');
const fixture = readFileSync(path.join(folder, 'python-messages.json'), 'utf8');

/** The bodies that Python wrote, by their names in python-messages.py. */
const bodies = Object.entries(JSON.parse(fixture) as Record<string, string>).map(
  ([name, base64]) => [name, Buffer.from(base64, 'base64')] as const,
);

/** The argument of `process` for each. */
const expected: Record<string, unknown> = {
  'an object': { id: 1, tags: ['a', 'b'], none: null, yes: true, no: false },
  None: null,
  True: true,
  'an empty object': {},
  'an empty list': [],
  'an empty string': '',
  'a tuple, which is a list': [1, [2, []]],
  'keys that are no strings': { '1': 'int', '1.5': 'float', null: 'None', false: 'bool' },
  nested: { a: [{ b: [{ c: [[[{}]]] }] }] },
  'nested 500 deep': JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown,
  'text beyond ASCII': 'Grüße, 世界 😀',
  'a lone surrogate': '\ud800',
  'control characters, quotes and line separators': '\0\x1f\x7f"\\/\u2028',
  'a float without a fraction': 1,
  '1e16': 1e16,
  '1e22': 1e22,
  'the smallest float': 5e-324,
  'the largest float': 1.7976931348623157e308,
  '0.1 + 0.2': 0.1 + 0.2,
  '-0.0': -0,
  'the largest exact integer': 2 ** 53 - 1,
  // Rounded to the nearest double.
  'an integer that is no double': 2 ** 53,
  'the largest integer of 64 bits': 2 ** 63,
  'an integer of 100 digits': 1e99,
};

/** Output of json.dumps that is not JSON. */
const undecodable = ['NaN', 'Infinity', '-Infinity'];

/** A message that a processor sends, its bytes on the wire, and Python's reading of them, written again. */
const outgoing: readonly (readonly [value: unknown, bytes: string, inPython: string])[] = [
  [
    { id: 1, tags: ['a'], none: null, yes: true },
    '{"id":1,"tags":["a"],"none":null,"yes":true}',
    '{"id": 1, "tags": ["a"], "none": null, "yes": true}',
  ],
  [null, 'null', 'null'],
  ['', '""', '""'],
  [[], '[]', '[]'],
  ['Grüße, 世界', '"Grüße, 世界"', '"Gr\\u00fc\\u00dfe, \\u4e16\\u754c"'],
  ['😀', '"😀"', '"\\ud83d\\ude00"'],
  ['\ud800', '"\\ud800"', '"\\ud800"'],
  ['\0\x7f"\\/\u2028', '"\\u0000\x7f\\"\\\\/\u2028"', '"\\u0000\\u007f\\"\\\\/\\u2028"'],
  [1.5, '1.5', '1.5'],
  // A float of Python returns as an integer, and -0.0 as 0.
  [1.0, '1', '1'],
  [-0, '0', '0'],
  [2 ** 53, '9007199254740992', '9007199254740992'],
  [1e21, '1e+21', '1e+21'],
  [5e-324, '5e-324', '5e-324'],
  [Number.MAX_VALUE, '1.7976931348623157e+308', '1.7976931348623157e+308'],
  // Values that JSON cannot express.
  [{ price: NaN }, '{"price":null}', '{"price": null}'],
  [
    { left: undefined, at: new Date(0) },
    '{"at":"1970-01-01T00:00:00.000Z"}',
    '{"at": "1970-01-01T00:00:00.000Z"}',
  ],
];

const rabbitMq = rabbitMqBroker();

describe('on RabbitMQ', () => {
  it('messages of Python consist of a body and the persistent flag alone', async () => {
    const { queue } = await pythonQueue();
    const message = await take(queue);
    const { headers, ...properties } = message.properties;
    expect(headers ?? {}).toEqual({});
    const set = Object.entries(properties).filter(([, value]) => value !== undefined);
    expect(Object.fromEntries(set)).toEqual({ deliveryMode: 2 });
    expect(Buffer.compare(message.content, bodies[0]![1])).toBe(0);
  });

  it('every message of Python is processed, at a second attempt too, or becomes a dead letter unchanged', async () => {
    const { queue } = await pythonQueue();
    const names = new Map(bodies.map(([name, body]) => [body.toString('base64'), name]));
    const service = await host(rabbitMq.adapter(), queue, (_, { attempt }) => {
      if (attempt === 1) throw new Error('once, so that it is copied');
    });
    const decodable = bodies.length - undecodable.length;
    await service.settled(2 * decodable + undecodable.length);
    expect(service.calls).toHaveLength(2 * decodable);
    // The order of a queue, twice.
    for (const attempt of [1, 2]) {
      const given = service.calls.filter(({ context }) => context.attempt === attempt);
      expect(given.map(({ message }) => message)).toEqual(Object.values(expected));
    }
    const letters = await deadLetters(rabbitMq, queue, undecodable.length);
    expect(letters.map(({ body }) => names.get(Buffer.from(body).toString('base64')))).toEqual(undecodable);
    for (const { headers } of letters) expect(headers[header.reason]).toBe('undecodable');
    await service.stop();
    await expectEmpty(rabbitMq, queue);
  });

  it('svchost sends persistent JSON in UTF-8, byte for byte as listed', async () => {
    const { queue } = await pythonQueue([]);
    const source = await rabbitMq.queue();
    await rabbitMq.put(source, Buffer.from('1'));
    const service = await host(rabbitMq.adapter(), source, async (_, context) => {
      for (const [value] of outgoing) await context.send(queue, value);
    });
    await service.settled(1);
    for (const [, bytes] of outgoing) {
      const { content, properties } = await take(queue);
      expect(content.toString()).toBe(bytes);
      expect(Buffer.compare(content, Buffer.from(bytes))).toBe(0);
      expect(properties).toMatchObject({ deliveryMode: 2, contentEncoding: undefined });
    }
  });

  it('a queue that svchost has created can be declared as Python declares it, unless a queue type is set', async () => {
    const declare = async (queueType?: 'quorum') => {
      const connection = await connect(inject('rabbitMqUrl'));
      onTestFinished(() => connection.close());
      const broker = rabbitMq.adapter();
      const queue = await rabbitMq.queue();
      await broker.connect();
      if (queueType) await replaceBy(queue, queueType);
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      return await channel.assertQueue(queue, { durable: true }).then(
        () => 'declared',
        (error: unknown) => (error as { code: number }).code,
      );
    };
    expect(await declare()).toBe('declared');
    expect(await declare('quorum')).toBe(406);
  });

  it('a message that waits for a retry returns to Python after svchost has gone', async () => {
    const { queue } = await pythonQueue([bodies[0]!]);
    const service = await host(
      rabbitMq.adapter(),
      queue,
      () => {
        throw new Error('not now');
      },
      { retry: { maxAttempts: 3, initialDelayMs: 300, factor: 1, maxDelayMs: 300 } },
    );
    await service.settled(1);
    await service.stop();
    const { content, properties } = await take(queue);
    expect(Buffer.compare(content, bodies[0]![1])).toBe(0);
    expect(properties.headers).toMatchObject({ [header.attempt]: 2 });
  });
});

describe('on SQS', () => {
  it('every message of Python is processed, or becomes a dead letter unchanged', async () => {
    const server = await startServer();
    onTestFinished(() => server.stop());
    const { queueName: queue } = server.createQueue('test_queue');
    for (const [, body] of bodies) server.sendMessage(queue, body.toString());
    const adapter = new SqsConnection(sqsOptions(server.address), testContext());
    const service = await host(adapter, queue, () => undefined);
    await service.settled(bodies.length);
    // A standard queue promises no order.
    const given = service.calls.map(({ message }) => JSON.stringify(message)).sort();
    expect(given).toEqual(
      Object.values(expected)
        .map((message) => JSON.stringify(message))
        .sort(),
    );
    const letters = server.inspectQueue(`${queue}_dead`)!.messages.ready.map(({ body }) => body);
    const wanted = bodies.filter(([name]) => undecodable.includes(name)).map(([, body]) => body.toString());
    expect(letters.sort()).toEqual(wanted.sort());
    await service.stop();
  });

  it('svchost sends the same text as on RabbitMQ', async () => {
    const server = await startServer();
    onTestFinished(() => server.stop());
    const { queueName: queue } = server.createQueue('test_queue');
    const adapter = new SqsConnection(sqsOptions(server.address), testContext());
    await adapter.connect();
    onTestFinished(() => adapter.close());
    // The server of the tests refuses characters beyond U+FFFF, which SQS itself accepts.
    const taken = outgoing.filter(([, bytes]) => !/[\u{10000}-\u{10FFFF}]/u.test(bytes));
    for (const [value] of taken) await adapter.sendMessage(queue, encodeMessage(value));
    const sent = server.inspectQueue(queue)!.messages.ready.map(({ body }) => body);
    expect(sent).toEqual(taken.map(([, bytes]) => bytes));
  });
});

/** Tests against the real Python host, declared only if it is installed; otherwise the fixture stands for it. */
if (spawnSync('python3', ['--version']).status === 0) {
  describe('Python itself', () => {
    it('still writes the fixture', async () => {
      expect(await mustRun('python3', [path.join(folder, 'python-messages.py')])).toBe(fixture);
    });

    it('reads the messages of svchost', async () => {
      const input = outgoing
        .map(([value]) => Buffer.from(encodeMessage(value)).toString('base64'))
        .join('\n');
      const read = await mustRun('python3', [path.join(folder, 'python-reader.py')], { input });
      expect(read.trimEnd().split('\n')).toEqual(outgoing.map(([, , inPython]) => inPython));
    });

    it('reads its own messages again after svchost has read and sent them, except for the precision of numbers', async () => {
      const lossless = bodies.filter(([name]) => Object.hasOwn(expected, name) && !changed.includes(name));
      const again = lossless.map(([, body]) => encodeMessage(JSON.parse(body.toString())));
      const input = again.map((body) => Buffer.from(body).toString('base64')).join('\n');
      const read = await mustRun('python3', [path.join(folder, 'python-reader.py')], { input });
      expect(read.trimEnd().split('\n')).toEqual(lossless.map(([, body]) => body.toString()));
    });
  });
}

/** Messages with other numbers, or numbers of another type, once JavaScript has written them. */
const changed = [
  'a float without a fraction',
  '-0.0',
  '1e16',
  'an integer that is no double',
  'the largest integer of 64 bits',
  'an integer of 100 digits',
];

/** A queue as the Python host declares it, with messages as it sends them. */
async function pythonQueue(
  messages: readonly (readonly [string, Buffer])[] = bodies,
): Promise<{ queue: string }> {
  const queue = await rabbitMq.queue();
  await withChannel(async (channel) => {
    await channel.deleteQueue(queue);
    await channel.assertQueue(queue, { durable: true });
    for (const [, body] of messages) channel.publish('', queue, body, { deliveryMode: 2 });
    await vi.waitFor(async () => {
      expect((await channel.checkQueue(queue)).messageCount).toBe(messages.length);
    }, patience);
  });
  return { queue };
}

/** Takes the first message from a queue, once there is one. */
async function take(queue: string): Promise<GetMessage> {
  return await withChannel((channel) =>
    vi.waitFor(async () => {
      const message = await channel.get(queue, { noAck: true });
      if (message === false) throw new Error(`nothing waits in ${queue}`);
      return message;
    }, patience),
  );
}

async function replaceBy(queue: string, queueType: 'quorum'): Promise<void> {
  await withChannel(async (channel) => {
    await channel.deleteQueue(queue);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': queueType } });
  });
}

async function withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await rabbitMq.control.createChannel();
  const result = await work(channel);
  await channel.close();
  return result;
}
