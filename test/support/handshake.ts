// Checks whether a RabbitMQ answers at an address and accepts the login.
import { connect } from 'amqplib';

/** The server that answered. */
export interface Answer {
  readonly product: string;
  readonly version: string;
}

/**
 * Opens a connection and closes it again. Rejects if nothing answers within `timeoutMs`, if the login is refused, and
 * if the server is not RabbitMQ: other AMQP 0-9-1 brokers settle, cancel and dead-letter differently.
 */
export async function handshake(url: string, timeoutMs = 5000): Promise<Answer> {
  const connection = await connect(url, { timeout: timeoutMs }).catch((error: unknown) => {
    throw isClosedAtOpen(error)
      ? new Error('the virtual host does not exist, or is not ours to use', { cause: error })
      : error;
  });
  // A broker that disappears between open and close must not end the process by an unhandled 'error'.
  connection.on('error', () => undefined);
  const { product, version } = connection.connection.serverProperties;
  await connection.close();
  if (product !== 'RabbitMQ') throw new Error(`a ${product} ${version} answers there, not a RabbitMQ`);
  return { product, version };
}

/**
 * Shakes hands again and again until it succeeds, at least once. Rejects with the last failure once `withinMs` have
 * passed, and at once if a broker refuses the login, since it would refuse it again.
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

/** Wrong credentials or virtual host, in amqplib's wording of the broker's reply. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && (/ACCESS[-_]REFUSED/.test(error.message) || isClosedAtOpen(error.cause));
}

/** The broker closed the connection instead of opening the virtual host; amqplib does not pass on its reason. */
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
