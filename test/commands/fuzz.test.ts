// Random arguments: the command line ends with a documented exit code, says what is wrong with which argument, and shows
// no stack trace.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exitMeaning } from '../../src/errors.ts';
import { runCli } from '../support/host-process.ts';
import { createService } from './service.ts';

const text = fc
  .oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 10 }))
  // The system passes no zero bytes to a program; with no slash, `new` stays in its directory.
  .map((part) => part.toWellFormed().replaceAll(/[\0/]/g, ''));

const value = fc.oneof(
  text,
  fc.constantFrom('.', '/', '..', '/dev/null', 'no/such', '-', '--', '-1', '1e400', '{"id": 1}', 'null'),
);

const option = fc.oneof(
  fc.constantFrom(
    ...['--dir', '--json', '--connect', '--once', '--file', '--queue', '--header', '--delay', '--help'],
    ...['--version', '-h', '-V', '--cron', '--sqs', '--js', '--consume-config', '--no-such'],
  ),
  text.map((part) => `--${part}`),
  text.map((part) => `-${part}`),
);

/** `dev` ends only when it is told to. */
const command = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('run', 'send', 'check', 'new') }, text);

const commandLine = fc
  .tuple(command, fc.array(fc.oneof(option, value), { maxLength: 4 }))
  .map(([first, rest]) => [first, ...rest]);

/** Lines of a stack, which are for a log of errors in code, never for the answer to a wrong argument. */
const stackLine = /^\s+at .+:\d+:\d+\)?$/m;

it(
  'any arguments end with a documented exit code, and with the argument that is wrong',
  { timeout: 120_000 },
  async () => {
    const env = { CONSUME_CONFIG_FILE_PATH: 'consume.env', LOG_FORMAT: 'json' };
    const tryArguments = async (args: readonly string[]) => {
      const cwd = createService({ 'consume.env': 'EXIT_WHEN_FINISHED=1\n' });
      const { code, stdout, stderr } = await runCli(args, { cwd, env });
      const output = stdout + stderr;
      expect(Object.keys(exitMeaning)).toContain(String(code));
      expect(output).not.toMatch(stackLine);
      if (code !== 0) expect(output).toMatch(/\S/);
      if (code === 64) expect(output).toMatch(/^(error|svchost): /m);
    };
    await fc.assert(
      fc.asyncProperty(commandLine, commandLine, async (one, other) => {
        await Promise.all([tryArguments(one), tryArguments(other)]);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  },
);
