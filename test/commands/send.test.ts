// `svchost send` in all its forms, on the embedded queue.
import { readdirSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { send } from '../../src/commands/send.ts';
import { UsageError } from '../../src/errors.ts';
import { addFiles } from '../processor/tree.ts';
import { runCommand } from '../support/command.ts';
import { runCli } from '../support/host-process.ts';
import { createService, waitingBodies } from './service.ts';

describe('one message', () => {
  it.each([
    ['an object', '{"id": 1}', '{"id": 1}'],
    ['text', '"büro ✉"', '"büro ✉"'],
    ['a number', '7', '7'],
    ['null', 'null', 'null'],
    ['surrounded by blanks, which do not belong to it', ' [1] \n', '[1]'],
    [
      'a number of more than 53 bits, unchanged',
      '{"id":12345678901234567890}',
      '{"id":12345678901234567890}',
    ],
    ['a key with a meaning in JavaScript', '{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
  ])('may be %s', async (_what, message, body) => {
    const cwd = createService();
    expect(await runCli(['send', message], { cwd })).toEqual({
      code: 0,
      stdout: 'sent 1 message to CST_mail\n',
      stderr: '',
    });
    expect(waitingBodies(cwd)).toEqual([body]);
  });

  it('may come from a file', async () => {
    const cwd = createService({ 'order.json': '\uFEFF{\n  "id": 1\n}\n' });
    const { code, stdout } = await runCli(['send', '--file', 'order.json'], { cwd });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'sent 1 message to CST_mail\n' });
    expect(waitingBodies(cwd)).toEqual(['{\n  "id": 1\n}']);
  });

  it('may be delayed', async () => {
    const cwd = createService();
    expect(await runCli(['send', '1', '--delay', '86400.5'], { cwd })).toMatchObject({ code: 0 });
    await runCli(['send', '2', '--delay', '0'], { cwd });
    // Earliest due first.
    expect(waitingBodies(cwd)).toEqual(['2', '1']);
  });

  it.each<[string, string[], string]>([
    [
      'not JSON',
      ['send', "{id: 'hunter2'}"],
      `the message is not JSON; quote it for the shell, such as '{"id": 1}'`,
    ],
    ['empty', ['send', ''], 'the message is not JSON; quote it for the shell'],
    ['given twice', ['send', '1', '--file', 'order.json'], 'give a message or --file, not both'],
    ['in a file that is missing', ['send', '--file', 'none.json'], 'cannot read none.json: ENOENT'],
    ['a folder', ['send', '--file', '.'], 'cannot read .: EISDIR'],
    [
      'one of several in a file',
      ['send', '--file', 'many.ndjson'],
      'many.ndjson is not JSON; a file holds one message, and one message per line goes to standard input',
    ],
    ['not in UTF-8', ['send', '--file', 'latin1.json'], 'latin1.json is not JSON'],
  ])('that is %s is wrong usage, and neither quoted nor sent', async (_what, args, message) => {
    const cwd = createService({ 'order.json': '1', 'many.ndjson': '{"a":1}\n{"hunter2":2}\n' });
    await runCommand('sh', ['-c', String.raw`printf '"b\374ro hunter2"' > latin1.json`], { cwd });
    const { code, stdout, stderr } = await runCli(args, { cwd });
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(/^svchost: /);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hunter2');
    expect(readdirSync(cwd)).not.toContain('.svchost');
  });
});

describe('NDJSON on standard input', () => {
  it('is one message per line, with any line ending and any number of blank lines', async () => {
    const cwd = createService();
    const input = '\uFEFF{"a":1}\r\n\r\n   \n{"b":2}\n\n3\r\n"last"';
    const { code, stdout } = await runCli(['send'], { cwd, input });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'sent 4 messages to CST_mail\n' });
    expect(waitingBodies(cwd)).toEqual(['{"a":1}', '{"b":2}', '3', '"last"']);
  });

  it('may contain characters that JavaScript counts as line ends', async () => {
    const cwd = createService();
    const message = '{"text":"a\u2028b\u2029c\u0085d"}';
    await runCli(['send'], { cwd, input: `${message}\n${message}\n` });
    expect(waitingBodies(cwd)).toEqual([message, message]);
  });

  it('may be long: all arrive, in order', async () => {
    const cwd = createService();
    const messages = Array.from({ length: 3000 }, (_, id) =>
      JSON.stringify({ id, text: 'ü'.repeat(id % 100) }),
    );
    const { stdout } = await runCli(['send'], { cwd, input: messages.join('\n') });
    expect(stdout).toBe('sent 3000 messages to CST_mail\n');
    expect(waitingBodies(cwd)).toEqual(messages);
  });

  it('may be empty', async () => {
    const { code, stdout } = await runCli(['send'], { cwd: createService() });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'sent 0 messages to CST_mail\n' });
  });

  it('stops at a line that is not JSON, which is named and not quoted; earlier ones are sent and counted', async () => {
    const cwd = createService();
    const input = '{"a":1}\n\n{"b":2}\n{"hunter2: 3}\n{"c":4}\n';
    expect(await runCli(['send'], { cwd, input })).toEqual({
      code: 64,
      stdout: 'sent 2 messages to CST_mail\n',
      stderr: 'svchost: line 4 of standard input is not JSON\n',
    });
    expect(waitingBodies(cwd)).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('that begins with such a line sends nothing, and does not claim to', async () => {
    const { code, stdout, stderr } = await runCli(['send'], {
      cwd: createService(),
      input: 'id,name\n1,a\n',
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 64,
      stdout: '',
      stderr: 'svchost: line 1 of standard input is not JSON\n',
    });
  });

  it('is not read from a terminal, since nobody would type it', async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const nothing = { message: undefined, file: undefined, queueName: undefined, delayMs: undefined };
    const sending = send({ ...nothing, directory: createService(), input, onWarning: () => undefined });
    await expect(sending).rejects.toThrow(UsageError);
    await expect(sending).rejects.toThrow('nothing to send: give a JSON message, --file, or NDJSON');
  });
});

describe('the queue', () => {
  it('of the service is created if it is missing, so that messages may arrive before the service', async () => {
    const cwd = createService();
    await runCli(['send', '1'], { cwd });
    const { code } = await runCli(['send', '2', '--queue', 'CST_mail'], { cwd });
    expect(code).toBe(0);
    expect(waitingBodies(cwd)).toEqual(['1', '2']);
  });

  it.each([
    ['one message', ['2'], undefined],
    ['many', [], '1\n2\n3\n'.repeat(100)],
  ])('of another name must exist: %s to a missing one', async (_what, args, input = '') => {
    const cwd = createService();
    const { code, stdout, stderr } = await runCli(['send', ...args, '--queue', 'CST_mial'], { cwd, input });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'svchost: no queue "CST_mial": the message was not sent; check the name, or start its service\n',
    });
  });

  it('needs a name with --queue', async () => {
    const { code, stderr } = await runCli(['send', '1', '--queue', ''], { cwd: createService() });
    expect({ code, stderr }).toEqual({ code: 64, stderr: 'svchost: --queue needs the name of a queue\n' });
  });

  it('can be reached without a processor, if --queue names it', async () => {
    const cwd = createService();
    await runCli(['send', '1'], { cwd });
    addFiles(cwd, { 'elsewhere/note': '' });
    const env = { MESSAGING_TYPE: 'SqliteConnection', SQLITE_PATH: `${cwd}/.svchost/queue.db` };
    const args = ['send', '2', '--dir', 'elsewhere', '--queue', 'CST_mail'];
    expect(await runCli(args, { cwd, env })).toMatchObject({ code: 0, stderr: '' });
    expect(waitingBodies(cwd)).toEqual(['1', '2']);
  });

  it('is that of the service in --dir', async () => {
    const cwd = createService();
    const { code } = await runCli(['send', '1', '--dir', cwd], { cwd: '/' });
    expect(code).toBe(0);
    expect(waitingBodies(cwd)).toEqual(['1']);
  });
});

describe('a service with problems', () => {
  it.each<[number, string, Parameters<typeof createService>[0], Record<string, string>, string[]]>([
    [70, 'without a processor', { 'processor.ts': undefined }, {}, ['svchost: no processor in ']],
    [
      78,
      'with several problems',
      {},
      { CONCURRENCY: '0', LOG_LEVEL: 'loud' },
      [
        'svchost: CONCURRENCY: expected a whole number from 1 to 65535; found "0"\n',
        '\nLOG_LEVEL: expected ',
      ],
    ],
  ])('%i: %s, gets the same report as from run', async (expected, _what, changes, env, parts) => {
    const { code, stdout, stderr } = await runCli(['send', '1'], { cwd: createService(changes), env });
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    for (const part of parts) expect(stderr).toContain(part);
  });

  it('can be sent to, but its warnings are shown: the queue may not be the intended one', async () => {
    const cwd = createService({ '.env': 'MailServiceProcessor_QUEUE_NAME=mail\nRABBITMQ_HOST=rabbit' });
    expect(await runCli(['send', '1'], { cwd })).toEqual({
      code: 0,
      stdout: 'sent 1 message to mail\n',
      stderr:
        'warning: MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection), although RABBITMQ_HOST is set\n',
    });
  });
});
