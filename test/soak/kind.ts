// The kinds of messages in a soak, and how each must end. A message's kind follows from the seed and its number.
import type { DeadReason } from '../../src/messaging/dead-letter.ts';
import type { Headers } from '../../src/messaging/message.ts';
import { Random } from './random.ts';

/** How a message must end: processed, or as a dead letter with one of these reasons. */
export type Ending = 'done' | readonly [DeadReason, ...DeadReason[]];

interface Kind {
  /** How many of 1000 messages are of this kind. */
  readonly share: number;
  readonly ending: Ending;
}

/** What the processor does with a message; fixture/processor.js has the behaviour. */
export const kinds = {
  quick: { share: 700, ending: 'done' },
  /** Takes a few tenths of a second. */
  slow: { share: 180, ending: 'done' },
  /** Throws at its first attempt. */
  flaky: { share: 30, ending: 'done' },
  /** Blocks the event loop for half a second. */
  blocks: { share: 10, ending: 'done' },
  /** A body of 200 KB. */
  large: { share: 10, ending: 'done' },
  /** Headers that other clients could send, among them forged ones of ours. */
  oddHeaders: { share: 24, ending: 'done' },
  throws: { share: 12, ending: ['failed'] },
  rejects: { share: 10, ending: ['rejected'] },
  /** Outlives PROCESS_TIMEOUT. */
  hangs: { share: 8, ending: ['timeout'] },
  notJson: { share: 10, ending: ['undecodable'] },
  /** Ends the process. */
  exits: { share: 3, ending: ['crashed'] },
  /** Throws in a timer, which nobody catches. */
  throwsLater: { share: 3, ending: ['crashed'] },
} as const satisfies Record<string, Kind>;

/** The name of a kind. */
export type KindName = keyof typeof kinds;

/** All kinds. */
export const kindNames = Object.keys(kinds) as readonly KindName[];

/** A message of a soak. */
export interface SoakMessage {
  readonly number: number;
  readonly kind: KindName;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** The message with this number; the same one each time. `among`: the kinds of this soak. */
export function messageOf(seed: number, number: number, among: readonly KindName[] = kindNames): SoakMessage {
  const kind = new Random(seed * 1_000_003 + number).pick(among, (name) => kinds[name].share);
  return { number, kind, body: Buffer.from(bodyOf(kind, number)), headers: headersOf(kind) };
}

function bodyOf(kind: KindName, number: number): string {
  if (kind === 'notJson') return `{"number":${number},"kind":"notJson"`;
  const padding = kind === 'large' ? { padding: 'x'.repeat(200_000) } : {};
  return JSON.stringify({ number, kind, ...padding });
}

function headersOf(kind: KindName): Headers {
  if (kind !== 'oddHeaders') return {};
  return {
    tenant: 'häuschen \u{1f3e0}',
    'svchost-attempt': 1e9,
    'x-delivery-count': 99,
    long: 'y'.repeat(2000),
  };
}

/** The number of a message, from its body; undefined if the body is not of a soak. */
export function numberIn(body: Uint8Array): number | undefined {
  const found = /^\{"number":(\d+),/.exec(Buffer.from(body.subarray(0, 40)).toString());
  return found ? Number(found[1]) : undefined;
}
