// Random bodies and headers: what a broker accepts arrives as it was sent, through a retry and into a dead letter; what it
// does not accept is refused at once, with an error that names the queue. Nothing hangs.
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SvchostError } from '../../../src/errors.ts';
import type { Headers } from '../../../src/messaging/message.ts';
import type { Broker } from './broker.ts';
import { consume, dead, done, retryAfter, shortDelayMs } from './inbox.ts';

/** Texts with control characters, quotes, surrogates and the like. */
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 40 }));

const binary = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const textBody = fc.oneof(text, fc.json()).map((content) => Buffer.from(content));

/** Names that no program reserves for itself. */
const name = text.filter((part) => part !== '__proto__' && !/^(svchost|nats|x|aws|amazon)[-.]/i.test(part));

/** Values that each broker keeps. */
const plainValue = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  text.filter((value) => value.isWellFormed()),
  fc.array(fc.integer(), { maxLength: 5 }),
);

/** Values that some broker cannot write, or no program should. */
const oddValue = fc.oneof(
  fc.constantFrom<unknown>(undefined, NaN, Infinity, -0, 2 ** 60, 10n ** 30n, Symbol('s'), () => 1),
  fc.constantFrom<unknown>('\ud800', new Date(NaN), new Date(0), /x/, new Map([[1, 2]]), cyclic()),
  fc.object({ maxDepth: 4, withBigInt: true, withDate: true, withTypedArray: true }),
  fc.string({ minLength: 2000, maxLength: 9000 }),
);

/** Declares the tests. */
export function describeFuzz({ openQueue, browseUntil, harness }: Broker): void {
  const { binaryBodies, paidByTheCall } = harness.capabilities;
  // SQS delays a retry by a whole second at least.
  const runs = { numRuns: paidByTheCall ? 8 : 40, endOnFailure: true };
  const body = binaryBodies ? fc.oneof(binary, textBody) : textBody.filter(isText);

  it(
    'keeps any body and plain headers, through a retry and into a dead letter',
    { timeout: 60_000 },
    async () => {
      const { adapter, queue } = await openQueue();
      const inbox = await consume(adapter, queue);
      const headers = fc.dictionary(
        name.filter((part) => isHeaderName(part)),
        plainValue,
        { maxKeys: 14 },
      );
      let letters = 0;
      await fc.assert(
        fc.asyncProperty(body, headers, async (sent, given) => {
          await adapter.sendMessage(queue, sent, { headers: given });
          const first = await inbox.next();
          await first.settle(retryAfter(shortDelayMs));
          const second = await inbox.next();
          for (const { body: found, headers: kept } of [first, second]) {
            expect(Buffer.compare(found, sent)).toBe(0);
            expect(kept).toMatchObject(given);
          }
          await second.settle(dead);
          letters++;
        }),
        runs,
      );
      const found = await browseUntil(`${queue}_dead`, letters);
      expect(found).toHaveLength(letters);
    },
  );

  it('keeps or refuses odd headers, and goes on', { timeout: 60_000 }, async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(text, oddValue, { maxKeys: 6 }), async (headers: Headers) => {
        const sent = Buffer.from('"good"');
        try {
          await adapter.sendMessage(queue, sent, { headers });
        } catch (error) {
          expect(error).toBeInstanceOf(SvchostError);
          expect(String(error)).toContain(queue);
          return;
        }
        const first = await inbox.next();
        await first.settle(retryAfter(shortDelayMs));
        const second = await inbox.next();
        await second.settle(done);
        expect([first.attempt, second.attempt]).toEqual([1, 2]);
        for (const delivery of [first, second]) expect(Buffer.compare(delivery.body, sent)).toBe(0);
      }),
      runs,
    );
  });
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

/** AMQP's short string: up to 255 bytes. */
function isHeaderName(part: string): boolean {
  return part !== '' && part.isWellFormed() && Buffer.byteLength(part) < 256;
}

/** SQS's characters, of which a body has at least one; the server of the tests knows none beyond U+FFFF. */
function isText(bytes: Buffer): boolean {
  return /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD]+$/u.test(bytes.toString());
}
