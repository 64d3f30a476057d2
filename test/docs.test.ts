// README, examples of env files and what the code declares are one and the same; the README's examples run.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { variables } from '../src/config/variables.ts';
import { exitCode } from '../src/errors.ts';
import { runCommand } from './support/command.ts';
import { runCli, startHost } from './support/host-process.ts';

const root = path.resolve(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** The cells of the rows of the table under a heading. */
function table(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1]!,
  );
}

describe('the README', () => {
  it('lists each variable with its default and meaning, and no other', () => {
    const [queue, ...rows] = table('Environment');
    expect(queue?.[0]).toBe('`<Class>_QUEUE_NAME`');
    expect(rows).toEqual(
      Object.entries(variables).map(([name, { defaultText, description }]) => [
        `\`${name}\``,
        defaultText,
        description,
      ]),
    );
  });

  it('lists each exit code', () => {
    const codes = table('Exit codes').map(([code]) => Number(code));
    expect(codes).toEqual(Object.values(exitCode).sort((a, b) => a - b));
  });

  it('lists each dependency', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const listed = table('Dependencies').flatMap(([names]) => names!.split(', '));
    expect(listed.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});

describe('the examples of env files', () => {
  /** What a file sets, and would set without the comment signs. */
  const settings = (file: string) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    return parseEnv(text.replace(/^#(?=[A-Z_]+=)/gm, ''));
  };
  /** Each variable with its default, where that is one value. */
  const declared = (isSecret: boolean) => {
    const ofKind = Object.entries(variables).filter(([, { secret }]) => secret === isSecret);
    return Object.fromEntries(
      ofKind.map(([name, { spec, defaultText }]) => [name, spec.default === undefined ? '' : defaultText]),
    );
  };

  it('hold every variable that is no secret in .env.example, with its default', () => {
    expect(settings('.env.example')).toEqual({
      ...declared(false),
      MyServiceProcessor_QUEUE_NAME: 'my_queue',
    });
  });

  it('hold every secret in .env.secrets.example', () => {
    expect(settings('.env.secrets.example')).toEqual(declared(true));
  });
});

describe('the quick start', () => {
  /** A service made of the README's blocks, with this package and what its examples import. */
  function makeService(processor: string): string {
    const directory = mkdtempSync(path.join(tmpdir(), 'svchost-readme-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(path.join(directory, 'processor.ts'), processor);
    writeFileSync(path.join(directory, 'package.json'), blocks('json')[0]!);
    writeFileSync(path.join(directory, '.env'), 'OrderServiceProcessor_QUEUE_NAME=orders\n');
    mkdirSync(path.join(directory, 'node_modules'));
    symlinkSync(root, path.join(directory, 'node_modules', 'rococo-svchost'));
    symlinkSync(path.join(root, 'node_modules', 'zod'), path.join(directory, 'node_modules', 'zod'));
    return directory;
  }

  it('processes the message that it sends', async () => {
    const cwd = makeService(blocks('ts')[0]!);
    const host = startHost({ cwd, env: {}, args: [] });
    await host.waitForLine('consuming queue orders');
    const sent = await runCli(['send', '{"id": 1}'], { cwd, env: {} });
    expect(sent).toMatchObject({ code: 0, stdout: 'sent 1 message to orders\n' });
    await host.waitForLine('an order has come in');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });

  it('has a processor and a test of it that passes', async () => {
    const [, processor, test] = blocks('ts');
    const cwd = makeService(processor!);
    writeFileSync(path.join(cwd, 'processor.test.ts'), test!);
    const { code, stdout } = await runCommand(process.execPath, ['--test', 'processor.test.ts'], { cwd });
    expect(stdout).toContain('pass 1');
    expect(code).toBe(0);
  });
});

describe('the schedules', () => {
  it('have a processor that runs', async () => {
    const processor = blocks('ts').find((block) => block.includes('ScheduleProcessor'));
    const cwd = mkdtempSync(path.join(tmpdir(), 'svchost-readme-'));
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    writeFileSync(path.join(cwd, 'processor.ts'), processor!);
    writeFileSync(path.join(cwd, 'package.json'), blocks('json')[0]!);
    const env = {
      EXECUTION_TYPE: 'CRON',
      CRON_TIME_AMOUNT: '1',
      CRON_TIME_UNIT: 'weeks',
      RUN_AT_STARTUP: 'true',
    };
    const host = startHost({ cwd, env });
    await host.waitForLine('the report for ');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });
});
