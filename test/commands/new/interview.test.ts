// `svchost new` asks on a terminal for the missing choices, until the answers are valid, and for nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { createService, type NewCommand } from '../../../src/commands/new.ts';
import { createTree } from '../../processor/tree.ts';

const nameQuestion = 'Name of the service, or its directory: ';
const kindQuestion = 'Driven by a queue (1), a queue on Amazon SQS (2) or a schedule (3)? [1] ';

/** Runs the command on a terminal with these lines typed ahead, then closes the terminal; returns the output. */
async function runNew(typed: string, changes: Partial<NewCommand> = {}) {
  const cwd = createTree({});
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.end(typed);
  const made = createService({
    directory: undefined,
    kind: undefined,
    language: 'ts',
    workingDirectory: cwd,
    terminal: { input, output },
    ...changes,
  });
  const result = await made.catch((error: unknown) => error);
  output.end();
  return { cwd, result, shown: await text(output) };
}

it('asks for the name and the kind of service', async () => {
  const { cwd, result, shown } = await runNew('services/orders\n3\n');
  expect(shown).toBe(nameQuestion + kindQuestion);
  expect(result).toMatchObject({ name: 'orders', directory: 'services/orders', kind: 'cron' });
  expect(readFileSync(path.join(cwd, 'services/orders/.env'), 'utf8')).toContain('EXECUTION_TYPE=CRON');
});

it.each([
  ['', 'queue'],
  ['1', 'queue'],
  [' 2 ', 'sqs'],
])('reads %j as %s', async (answer, kind) => {
  expect((await runNew(`orders\n${answer}\n`)).result).toMatchObject({ kind });
});

it('asks again until an answer is valid, and gives the reason', async () => {
  const { result, shown } = await runNew('\nOrder Service\norders\n4\nx\n2\n');
  expect(shown).toBe(
    `${nameQuestion}the name is empty: give one, such as orders\n` +
      `${nameQuestion}"Order Service" cannot name a service: it must be a name for an npm package, with lowercase ` +
      'letters, digits, "-", "_" and "." only, and a letter first; try order-service\n' +
      `${nameQuestion}${kindQuestion}answer with 1, 2 or 3\n${kindQuestion}answer with 1, 2 or 3\n${kindQuestion}`,
  );
  expect(result).toMatchObject({ name: 'orders', kind: 'sqs' });
});

it('does not ask for choices that the options make', async () => {
  const { result, shown } = await runNew('orders\n', { kind: 'cron' });
  expect(shown).toBe(nameQuestion);
  expect(result).toMatchObject({ kind: 'cron' });
});

it('asks nothing if the name is given', async () => {
  const { result, shown } = await runNew('', { directory: 'orders' });
  expect(shown).toBe('');
  expect(result).toMatchObject({ name: 'orders', kind: 'queue' });
});

it.each([[''], ['orders\n'], ['orders\nx\n']])(
  'writes nothing if the answers end after %j',
  async (typed) => {
    const { cwd, result, shown } = await runNew(typed);
    expect(result).toMatchObject({
      exitCode: 64,
      message: 'the questions were not answered, so nothing was written',
    });
    // The next output begins on a line of its own.
    expect(shown.endsWith(' \n')).toBe(true);
    expect(readdirSync(cwd)).toEqual([]);
  },
);

it('asks for another directory if the first is taken', async () => {
  const workingDirectory = createTree({ 'orders/README.md': 'mine' });
  const { result, shown } = await runNew('orders\nmail\n1\n', { workingDirectory });
  expect(shown).toBe(
    `${nameQuestion}${workingDirectory}/orders is not empty, so nothing was written; ` +
      `choose another directory\n${nameQuestion}${kindQuestion}`,
  );
  expect(result).toMatchObject({ directory: 'mail' });
  expect(readdirSync(path.join(workingDirectory, 'orders'))).toEqual(['README.md']);
});
