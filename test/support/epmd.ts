// Starts an Erlang port mapper for one broker of ours, and stops it.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';

/** A running port mapper. */
export interface Epmd {
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a port mapper in the foreground, on the loopback and a free port. Left alone, RabbitMQ would start one as a
 * daemon that nobody stops, or register with the one that serves the machine's real broker.
 */
export async function startEpmd(program: string, port: number, env: NodeJS.ProcessEnv): Promise<Epmd> {
  const child = spawn(program, ['-port', String(port), '-address', '127.0.0.1'], {
    env,
    // Ctrl-C must not end it before the broker has been stopped through it.
    detached: true,
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${program} on port ${port} ended at once, exit code ${code ?? '-'}`)),
    );
  });
  child.unref();
  await Promise.race([listening(port), failed]);
  return {
    pid: child.pid!,
    stop: async () => {
      // Awaited from now on, so it counts again as a reason for this process to live.
      child.ref();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Resolves when something accepts connections on the port. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port} after 5 s`);
}
