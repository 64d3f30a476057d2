// A page that is wrong fails, and the error names the line.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parsePage } from './page.ts';
import { rehearse } from './rehearsal.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A code block of a page. */
function block(kind: string, text: string, before = ''): string {
  return `${before}\n\n\`\`\`${kind}\n${text}\n\`\`\`\n\n`;
}

async function rehearsed(...blocks: string[]): Promise<void> {
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-rehearsal-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const page = parsePage('page.md', blocks.join(''));
  await rehearse(page, { root, directory, env: {}, rename: (text) => text });
}

const manifest = block(
  'json',
  '{"name": "order-service", "version": "1.0.0", "type": "module", "dependencies": {"rococo-svchost": "*"}}',
  '`package.json`:',
);
const settings = block('ini', 'OrderServiceProcessor_QUEUE_NAME=orders', '`.env`:');
const install = block('sh', 'npm install');

function processor(work: string): string {
  const text = `import { DeadLetterError } from 'rococo-svchost';\nexport class OrderServiceProcessor {\n  process(): void {\n    ${work}\n  }\n}`;
  return block('ts', text, '`processor.ts`:');
}

const refuse = `throw new DeadLetterError('no');`;
const sendAndRun = block('sh', `npx svchost send 1\nnpx svchost`);

describe('a page', () => {
  it('passes if it is true', async () => {
    const shown = block('text', 'sent 1 message to orders\nERROR (svchost): … dead-lettered');
    await rehearsed(manifest, settings, processor(refuse), install, sendAndRun, shown);
  });

  it.for<[string, string[], string]>([
    [
      'an error that it does not show',
      [manifest, settings, processor(refuse), install, sendAndRun],
      'does not show',
    ],
    [
      'a host that does not start',
      [manifest, processor(refuse), install, block('sh', 'npx svchost')],
      'and it ended',
    ],
    ['wrong TypeScript', [manifest, install, processor('const id: string = 1;')], 'TS2322'],
    ['a command that fails', [block('sh', 'ls nowhere')], 'page.md:4: "ls nowhere" ended with'],
    ['a command that does not fail', [block('sh', 'true # exit code 78')], 'ended with 0, not 78'],
    [
      'output that is not printed',
      [block('sh', 'echo sent'), block('text', 'received')],
      'nothing has written',
    ],
    ['a package that is not installed', [manifest, block('sh', 'npx svchost check')], 'ended with 1'],
    [
      'a package that does not exist',
      [manifest.replace('rococo-svchost', 'rococo-host'), install],
      'names rococo-host',
    ],
    ['a file without a name', [block('ini', 'A=1')], 'no file is named'],
    ['a file outside its directory', [block('ini', 'A=1', '`../.env`:')], 'outside of the directory'],
    ['invalid JSON', [block('json', '{', '`a.json`:')], 'page.md:4'],
    ['invalid YAML', [block('yaml', 'a: [', '`a.yaml`:')], 'page.md:4'],
    ['a block of an unknown kind', [block('bash', 'true')], 'unknown kind "bash"'],
  ])('fails with %s', async ([, blocks, problem]) => {
    await expect(rehearsed(...blocks)).rejects.toThrow(problem);
  });

  it('fails with an unterminated block', () => {
    expect(() => parsePage('page.md', '```sh\ntrue\n')).toThrow('page.md:2: the block has no end');
  });
});
