// The command line itself: its help, its errors, and the Node version it needs. The commands have tests of their own.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exitMeaning } from '../../src/errors.ts';
import { runCommand } from '../support/command.ts';
import { runCli } from '../support/host-process.ts';
import { createService } from './service.ts';

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url));

const { version } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
) as { version: string };

/** In a directory without a service: none of these commands may need one. */
const anywhere = { cwd: '/' };

describe('--help', () => {
  it.each<[string[], string[]]>([
    [
      ['--help'],
      [
        'Usage: svchost ',
        'run ',
        'send ',
        'check ',
        '<Class>_QUEUE_NAME',
        'Exit codes:',
        'configuration is wrong',
      ],
    ],
    [['help'], ['Usage: svchost ']],
    [
      ['run', '--help'],
      ['Usage: svchost run', '--dir', '$ svchost run --dir services/mail', 'SIGTERM', 'SHUTDOWN_TIMEOUT'],
    ],
    [
      ['send', '--help'],
      ['Usage: svchost send', '--file', '--queue', '--delay', 'NDJSON', '$ svchost send < messages.ndjson'],
    ],
    [
      ['check', '--help'],
      ['Usage: svchost check', '--json', '--connect', '$ svchost check --json | jq'],
    ],
    [
      ['new', '--help'],
      ['Usage: svchost new', '--cron', '--sqs', '--js', '$ svchost new services/mail --sqs'],
    ],
    [
      ['dev', '--help'],
      ['Usage: svchost dev', '--dir', '--watch', '$ svchost dev', 's {"id": 1}', 'NODE_ENV development'],
    ],
  ])('%j explains the command, on standard output', async (args, parts) => {
    const { code, stdout, stderr } = await runCli(args, anywhere);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const part of parts) expect(stdout).toContain(part);
  });

  it('lists every exit code with its meaning', async () => {
    const { stdout } = await runCli(['--help'], anywhere);
    const [, listed = ''] = stdout.split('Exit codes:\n');
    const lines = listed.trimEnd().split('\n');
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual(Object.entries(exitMeaning));
  });
});

describe('--version', () => {
  it.each(['--version', '-V'])('%s is that of package.json', async (flag) => {
    expect(await runCli([flag], anywhere)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('wrong usage ends with 64 and names the mistake', () => {
  it.each<[string[], string]>([
    [['--nope'], "error: unknown option '--nope'"],
    [['check', '--jsn'], "error: unknown option '--jsn'\n(Did you mean --json?)"],
    [
      ['chek'],
      'svchost: unknown command "chek"; did you mean check? (there are run, send, check, new, dev: see svchost --help)',
    ],
    [
      ['start'],
      'svchost: unknown command "start" (there are run, send, check, new, dev: see svchost --help)',
    ],
    [['check', 'mail'], "error: too many arguments for 'check'"],
    [['send', '1', '2'], "error: too many arguments for 'send'"],
    [['new'], 'svchost: no name: give one, such as svchost new orders'],
    [['new', 'a', 'b'], "error: too many arguments for 'new'"],
    [
      ['new', 'orders', '--cron', '--sqs'],
      'svchost: give --cron or --sqs, not both: a schedule has no queue',
    ],
    [['--dir'], "error: option '--dir <directory>' argument missing"],
    [
      ['send', '1', '--delay', '1e3'],
      "argument '1e3' is invalid. Expected seconds, 0 to 4294967, decimals allowed.",
    ],
    [['send', '1', '--delay', '-1'], "argument '-1' is invalid."],
    [['send', '1', '--delay', '10s'], "argument '10s' is invalid."],
    [['send', '1', '--delay', 'Infinity'], "argument 'Infinity' is invalid."],
    [['send', '1', '--delay', '4294968'], "argument '4294968' is invalid."],
    [['send', '1', '--delay', ''], "argument '' is invalid."],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: createService() });
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('the Node version it needs', () => {
  const line = (found: string) => `svchost needs Node 22.18 or later; this is ${found}\n`;

  /** Runs the bin on this Node, which pretends to be another version. */
  function runOn(node: string) {
    const lie =
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });` +
      `Object.defineProperty(process, 'version', { value: 'v${node}' });`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(lie)}`, bin, '--version'];
    return runCommand(process.execPath, args);
  }

  it.each(['18.20.8', '20.20.2', '21.7.3', '22.0.0', '22.17.9'])(
    'excludes %s: one line, exit 64',
    async (node) => {
      expect(await runOn(node)).toEqual({ code: 64, stdout: '', stderr: line(`v${node}`) });
    },
  );

  it.each(['22.18.0', '23.6.0', '24.0.0', '100.0.0'])('includes %s', async (node) => {
    expect(await runOn(node)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['bun', '1.3.1', 'Bun 1.3.1'],
    ['deno', '2.5.0', 'Deno 2.5.0'],
  ])('is not %s, which says so in one line', async (name, found, described) => {
    const lie = `Object.defineProperty(process, 'versions', { value: { ...process.versions, ${name}: '${found}' } });`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(lie)}`, bin, 'check'];
    expect(await runCommand(process.execPath, args)).toEqual({
      code: 64,
      stdout: '',
      stderr: `svchost runs on Node; this is ${described}. Start it with npx svchost, or with node\n`,
    });
  });

  // The machine's own, if it has one that is too old: only a real one shows that it can parse the file.
  const path = spawnSync('which', ['-a', 'node'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
  const real = path.map((node) => ({
    node,
    version: spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim(),
  }));

  it(`is named to every old Node of this machine (${real.map(({ version }) => version).join(', ')})`, async () => {
    expect(real.length).toBeGreaterThan(0);
    for (const { node, version: found } of real.filter(({ version }) => /^v(1\d|2[01])\./.test(version))) {
      expect(await runCommand(node, [bin, 'check'])).toEqual({ code: 64, stdout: '', stderr: line(found) });
    }
  });
});

describe('a processor that awaits a promise for ever', () => {
  it.each([['check'], ['run'], ['send', '1']])('does not end `svchost %s` with success', async (...args) => {
    const cwd = createService({ 'processor.ts': 'await new Promise(() => {});' });
    const { code, stdout, stderr } = await runCli(args, { cwd });
    expect(code).toBe(70);
    expect(stdout + stderr).toContain(
      'loading the processor can never end: processor.ts awaits something at its top level',
    );
  });
});
