// Standard output as the destination of the log. It never waits for its reader: what a full pipe does not take is kept in
// memory, up to a bound, and dropped beyond it, which is counted.
import { sleep, systemClock } from './clock.ts';

/** How much is kept for a reader that does not read, in bytes. */
export const mostWaitingBytes = 4 * 1024 * 1024;

/** How long the last lines may take at the end of the process, in milliseconds. */
const flushMs = 1_000;

/** A stream as it is used here. */
export type OutputStream = Pick<NodeJS.WriteStream, 'write' | 'writableLength' | 'on' | 'off' | 'once'>;

/** Writes lines to a stream whose reader may be slow, or gone. */
export class BoundedOutput {
  readonly #stream: OutputStream;
  #dropped = 0;
  /** Called when the reader has caught up, with the number of lines that were dropped since the last time. */
  onDropped: (count: number) => void = () => undefined;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    // Its reader has gone (EPIPE): the log is lost, and the work goes on.
    stream.on('error', () => undefined);
    stream.on('drain', () => this.#recover());
  }

  write(line: string): void {
    if (this.#stream.writableLength > mostWaitingBytes) this.#dropped++;
    else this.#stream.write(line);
  }

  #recover(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.onDropped(dropped);
  }
}

/** Resolves once all output has been taken, but after a second at the latest. */
export async function flushOutput(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(flush));
}

async function flush(stream: OutputStream): Promise<void> {
  if (stream.writableLength === 0) return;
  const flushed = new AbortController();
  stream.once('drain', () => flushed.abort());
  stream.once('error', () => flushed.abort());
  await sleep(systemClock, flushMs, flushed.signal);
}
