// Asks an address whether a RabbitMQ is there and lets us in. Owns no decision about what to do with the answer.
import { connect } from 'amqplib';

/** Who answered. */
export interface Answer {
  readonly product: string;
  readonly version: string;
}

/**
 * Opens a connection and closes it again. Rejects if nothing answers within `timeoutMs`, if we are not let in, and if
 * what answers is not RabbitMQ: other AMQP 0-9-1 brokers settle, cancel and dead-letter differently.
 */
export async function handshake(url: string, timeoutMs = 5000): Promise<Answer> {
  const connection = await connect(url, { timeout: timeoutMs }).catch((error: unknown) => {
    throw isClosedAtOpen(error)
      ? new Error('the virtual host does not exist, or is not ours to use', { cause: error })
      : error;
  });
  // A broker that goes away between open and close must not end the process as an unhandled 'error'.
  connection.on('error', () => undefined);
  const { product, version } = connection.connection.serverProperties;
  await connection.close();
  if (product !== 'RabbitMQ') throw new Error(`a ${product} ${version} answers there, not a RabbitMQ`);
  return { product, version };
}

/**
 * Shakes hands again and again until it works; at least once. Rejects with the last failure once `withinMs` have passed,
 * and at once where a broker answers and refuses us: it would go on doing so.
 */
export async function awaitHandshake(url: string, withinMs: number, signal?: AbortSignal): Promise<Answer> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await handshake(url);
    } catch (error) {
      signal?.throwIfAborted();
      if (performance.now() >= deadline || isRefusal(error)) throw error;
    }
    // The one thing that cannot be awaited as an event: a listener that appears in another process.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Wrong credentials or virtual host, as amqplib words the broker's reply. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && (/ACCESS[-_]REFUSED/.test(error.message) || isClosedAtOpen(error.cause));
}

/** The broker closed the connection where it should have opened the virtual host; amqplib does not pass on its reason. */
function isClosedAtOpen(error: unknown): boolean {
  return error instanceof Error && error.message.includes('got <ConnectionClose');
}

/** The address without its password, for people. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
}
