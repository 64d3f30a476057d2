// The demo: runs service-example as a separate process on the embedded queue, sends it messages from the command line,
// shows its log, and sums up. Exits 1 if anything went wrong.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const bin = path.resolve(import.meta.dirname, '../dist/bin.js');
const service = path.resolve(import.meta.dirname, 'service-example');
const folder = mkdtempSync(path.join(tmpdir(), 'svchost-demo-'));

const env = {
  ...process.env,
  MESSAGING_TYPE: 'SqliteConnection',
  SQLITE_PATH: path.join(folder, 'queue.db'),
  QUEUE_NAME_PREFIX: 'CST_SERVICE_',
  ChildLoggingServiceProcessor_QUEUE_NAME: 'test_queue',
  RETRY_INITIAL_DELAY: '1',
  LOG_FORMAT: 'json',
  LOG_LEVEL: 'debug',
};

const messages = [
  { text: 'Hello' },
  { text: 'This one fails at its first attempt', failOnce: true },
  { text: 'This one can never work', reject: true },
  { text: 'Good-bye' },
];

/** One line of the host's log. */
interface Line {
  readonly name?: string;
  readonly msg: string;
  readonly message?: unknown;
  readonly attempt?: number;
  readonly reason?: string;
  readonly error?: { readonly name: string; readonly message: string };
  readonly done?: number;
  readonly retry?: number;
  readonly dead?: number;
}

/** How the host's line about a dead letter ends. */
const deadLettered = 'dead-lettered';

/** How long the demo may take, in milliseconds. */
const limitMs = 60_000;

/** Runs the demo; resolves with whether everything went well. */
async function main(): Promise<boolean> {
  say(`Starting ${service} on the embedded queue`);
  const host = svchost('run');
  const log = follow(host);
  try {
    await log.until((line) => line.msg.startsWith('consuming'), 1);
    for (const message of messages) await send(message);
    // Each message ends in one of these two lines.
    await log.until(({ msg }) => msg === 'delivery done' || msg.endsWith(deadLettered), messages.length);
    say('All messages have come to an end; stopping the service with SIGTERM');
  } finally {
    host.kill('SIGTERM');
  }
  return sumUp(log.lines, await exitCode(host));
}

async function send(message: (typeof messages)[number]): Promise<void> {
  say(`svchost send '${JSON.stringify(message)}'`);
  const code = await exitCode(svchost('send', JSON.stringify(message)));
  if (code !== 0) throw new Error(`svchost send ended with exit code ${code ?? 'none'}`);
}

/** Starts the command line on the example. */
function svchost(command: string, ...args: string[]): ChildProcess {
  const stdio = ['ignore', command === 'run' ? 'pipe' : 'ignore', 'inherit'] as const;
  return spawn(process.execPath, [bin, command, '--dir', service, ...args], { env, stdio: [...stdio] });
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** Prints the host's lines as they come, and lets the demo wait for some of them. */
function follow(host: ChildProcess) {
  const lines: Line[] = [];
  let notify = (): void => undefined;
  let isOver = false;
  if (!host.stdout) throw new Error('the service has no output');
  createInterface({ input: host.stdout })
    .on('line', (text) => {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      show(line);
      notify();
    })
    .on('close', () => {
      isOver = true;
      notify();
    });
  const until = async (matches: (line: Line) => boolean, count: number) => {
    while (lines.filter(matches).length < count) {
      if (isOver) throw new Error('the service has ended early');
      await new Promise<void>((resolve) => (notify = resolve));
    }
  };
  return { lines, until };
}

function show({ name, msg, message, attempt, reason, error }: Line): void {
  const details = [
    message === undefined ? undefined : JSON.stringify(message),
    attempt === undefined ? undefined : `attempt ${attempt}`,
    reason === undefined ? undefined : `reason: ${reason}`,
    error && `${error.name}: ${error.message}`,
  ].filter((detail) => detail !== undefined);
  console.log(`  ${(name ?? '').padEnd(16)} ${msg}${details.length > 0 ? ` (${details.join(', ')})` : ''}`);
}

function sumUp(lines: readonly Line[], code: number | null): boolean {
  const { done, retry, dead } = lines.find(({ msg }) => msg === 'stopped') ?? {};
  const reasons = lines.flatMap(({ msg, reason, error }) =>
    msg.endsWith(deadLettered) ? [`${reason ?? ''}: ${error?.message ?? ''}`] : [],
  );
  say('Summary');
  console.log(`  sent           ${messages.length}`);
  console.log(`  processed      ${done ?? 'unknown'}`);
  console.log(`  retried        ${retry ?? 'unknown'}`);
  console.log(`  dead-lettered  ${dead ?? 'unknown'} (${reasons.join('; ')})`);
  console.log(`  exit code      ${code ?? 'none'}`);
  return done === 3 && retry === 1 && dead === 1 && code === 0;
}

function say(text: string): void {
  console.log(`\n> ${text}`);
}

const tooLong = setTimeout(() => {
  console.error(`the demo took longer than ${limitMs / 1000} s`);
  process.exit(1);
}, limitMs);

try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  clearTimeout(tooLong);
  rmSync(folder, { recursive: true, force: true });
}
