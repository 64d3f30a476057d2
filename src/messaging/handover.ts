// Hands a message over to another queue, for a retry or as a dead letter: the broker must have a copy before the original
// may go. What the broker refuses is held: it stays in its queue, and is tried again at long intervals.
import { sleep, type Clock } from '../clock.ts';
import { BrokerRefusedError, MessageRefusedError, toError } from '../errors.ts';
import type { AdapterContext, OnHeld } from './adapter.ts';
import { backoffMs } from './backoff.ts';

/** After so many failures in a row the message is held, even if the broker gave no reason. */
const mostFailures = 5;

/** The first pause of a held message, in milliseconds; it doubles each time. */
const firstPauseMs = 1_000;

/** The longest pause of a held message, in milliseconds. */
const longestPauseMs = 15 * 60_000;

/** A message to hand over. `Form` is a copy of it as the broker's client sends it. */
export interface Handover<Form> {
  /** For events. */
  readonly facts: { readonly queue: string; readonly target: string; readonly messageId: string };
  /** The copy in several forms, each with less in it than the one before. */
  readonly forms: readonly [Form, ...Form[]];
  /**
   * Sends the copy once. Throws a MessageRefusedError if the broker refuses this message, a BrokerRefusedError to end the
   * service, and anything else to be called again soon.
   */
  readonly send: (form: Form) => Promise<void>;
  /** Aborted when the original is lost. */
  readonly lost: AbortSignal;
  /** Aborted when the consumer has drained: it holds nothing from then on. */
  readonly drained: AbortSignal;
  /** The service's; see `Delivery.settle`. */
  readonly onHeld: OnHeld | undefined;
  /** Called with true when another delivery may take the message's place, and with false once the message has ended. */
  readonly onPlace: (isFree: boolean) => void;
  /** How long the message may be held, in milliseconds. Default: without limit. */
  readonly longestHoldMs?: number;
}

/** How a handover ended. */
export type HandoverEnd =
  /** The broker has the copy. */
  | 'moved'
  /** The original was lost; the broker redelivers it. */
  | 'lost'
  /** The copy was refused up to the end; the caller requeues the original. */
  | 'unmoved';

/**
 * Sends a copy until the broker has it.
 *
 * @throws BrokerRefusedError as `send` does
 */
export async function handOver<Form>(
  { clock, emit }: Pick<AdapterContext, 'clock' | 'emit'>,
  handover: Handover<Form>,
): Promise<HandoverEnd> {
  const hold = new Hold(clock, handover);
  try {
    return await sendUntilMoved({ clock, emit }, handover, hold);
  } finally {
    hold.end();
  }
}

async function sendUntilMoved<Form>(
  { clock, emit }: Pick<AdapterContext, 'clock' | 'emit'>,
  handover: Handover<Form>,
  hold: Hold,
): Promise<HandoverEnd> {
  const { facts, forms, lost } = handover;
  let [form, ...smaller] = forms;
  let failures = 0;
  let isReduced = false;
  while (!lost.aborted) {
    const error = await trySend(handover, form);
    if (!error) return 'moved';
    if (isAborted(lost)) return 'lost';
    const next = canShrink(error) ? smaller.shift() : undefined;
    if (next !== undefined) {
      form = next;
      if (!isReduced) emit({ kind: 'copy-reduced', ...facts, error });
      isReduced = true;
    } else if (error instanceof MessageRefusedError || ++failures >= mostFailures) {
      const retryInMs = hold.begin();
      emit({ kind: 'copy-held', ...facts, refusals: hold.refusals, retryInMs, error });
      if (!(await hold.pause(retryInMs))) return 'unmoved';
      // In full again: the limit may have been raised.
      [form, ...smaller] = forms;
    } else {
      emit({ kind: 'copy-refused', ...facts, failures, error });
      await sleep(clock, backoffMs(failures), lost);
    }
  }
  return 'lost';
}

/** Returns why the copy was not sent; undefined if it was. */
async function trySend<Form>({ send }: Handover<Form>, form: Form): Promise<Error | undefined> {
  try {
    await send(form);
    return undefined;
  } catch (error) {
    if (error instanceof BrokerRefusedError) throw error;
    return toError(error);
  }
}

/** A function, since TypeScript takes a property to be the same after an await. */
function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}

function canShrink(error: Error): boolean {
  return error instanceof MessageRefusedError && error.canShrink;
}

type HoldOptions = Pick<Handover<unknown>, 'lost' | 'drained' | 'onHeld' | 'onPlace' | 'longestHoldMs'>;

/** The time for which one message is held. */
class Hold {
  readonly #clock: Clock;
  readonly #handover: HoldOptions;
  readonly #longestMs: number;
  #heldMs = 0;
  #refusals = 0;
  #hasGivenPlace = false;

  constructor(clock: Clock, handover: HoldOptions) {
    this.#clock = clock;
    this.#handover = handover;
    this.#longestMs = handover.longestHoldMs ?? Infinity;
  }

  get refusals(): number {
    return this.#refusals;
  }

  /** Notes a refusal. Returns the pause that must follow it, in milliseconds; 0 if the message may not be held. */
  begin(): number {
    const { drained } = this.#handover;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#refusals);
    this.#refusals++;
    if (drained.aborted) return 0;
    if (this.#refusals === 1) this.#givePlace();
    return Math.min(pauseMs, this.#longestMs - this.#heldMs);
  }

  /** Returns false if the message may not be held any longer after the pause. */
  async pause(delayMs: number): Promise<boolean> {
    const { drained, lost } = this.#handover;
    if (delayMs > 0) await sleep(this.#clock, delayMs, AbortSignal.any([drained, lost]));
    this.#heldMs += delayMs;
    return lost.aborted || (!drained.aborted && this.#heldMs < this.#longestMs);
  }

  end(): void {
    if (this.#hasGivenPlace) this.#handover.onPlace(false);
  }

  #givePlace(): void {
    const { onHeld, onPlace } = this.#handover;
    this.#hasGivenPlace = onHeld?.() ?? false;
    if (this.#hasGivenPlace) onPlace(true);
  }
}
