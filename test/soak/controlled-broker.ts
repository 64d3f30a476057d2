// A RabbitMQ node that a program of the operator's controls, for versions that the tests cannot start themselves.
import { mustRun } from '../support/command.ts';
import { awaitHandshake } from '../support/handshake.ts';
import type { SoakBroker } from './world/rabbitmq.ts';

/**
 * Starts the node.
 *
 * @param program called with `start`, `stop`, `kill`, `pause`, `resume`, or `ctl` and the arguments of rabbitmqctl
 * @param url the node's address, with user and password
 */
export async function startControlledBroker(program: string, url: string): Promise<SoakBroker> {
  const control = (...args: readonly string[]) => mustRun(program, args, { timeoutMs: 300_000 });
  const start = async () => {
    await control('start');
    await awaitHandshake(url, 60_000);
  };
  await start();
  return {
    url,
    ctl: (...args) => control('ctl', ...args),
    kill: () => control('kill').then(() => undefined),
    stop: () => control('stop').then(() => undefined),
    start,
    pause: () => control('pause').then(() => undefined),
    resume: () => control('resume').then(() => undefined),
    close: () => control('stop').then(() => undefined),
  };
}
