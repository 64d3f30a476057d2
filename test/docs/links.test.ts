// Each relative link of the documentation points to an existing file, and to a heading in it.
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorOf, parsePage, readPage } from './page.ts';

const root = path.resolve(import.meta.dirname, '../..');
const names = globSync(['*.md', 'docs/*.md', 'examples/**/README.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).sort();

describe('the links of', () => {
  it.for(names)('%s lead to existing files and headings', (name) => {
    const page = readPage(root, name);
    const broken = page.links
      .filter(({ target }) => !/^https?:/.test(target))
      .filter(({ target }) => !leadsSomewhere(name, target))
      .map(({ target, line }) => `${name}:${line}: ${target}`);
    expect(broken).toEqual([]);
  });

  it('the README lead to every page of docs/', () => {
    const targets = readPage(root, 'README.md').links.map(({ target }) => target.split('#')[0]);
    const unlinked = names.filter((name) => name.startsWith('docs/') && !targets.includes(name));
    expect(unlinked).toEqual([]);
  });
});

function leadsSomewhere(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const name = file === '' ? from : path.join(path.dirname(from), file);
  // Never out of the repository: on npm such a link is broken.
  if (name.startsWith('..') || !existsSync(path.join(root, name))) return false;
  return anchor === undefined || readPage(root, name).anchors.has(anchor);
}

describe('a page', () => {
  it('has the same anchors of headings as on GitHub', () => {
    const headings = ['# A b', '## `SIGTERM`, then: wait!', '## Über_uns', '## A b'];
    const { anchors } = parsePage('page.md', headings.join('\n\n'));
    expect([...anchors]).toEqual(['a-b', 'sigterm-then-wait', 'über_uns', 'a-b-1']);
    expect(anchorOf('Node 22.18 & later')).toBe('node-2218--later');
  });

  it('names the file of a block in the line before it, and has links outside of code only', () => {
    const page = parsePage(
      'page.md',
      'See [x](y.md) and `[z](z.md)`.\n\nIn `a.json`, or `.env`:\n\n```ini\nA=1\n[n](n.md)\n```\n\n```sh docker\nls\n```\n',
    );
    expect(page.links).toEqual([{ target: 'y.md', line: 1 }]);
    expect(page.blocks).toEqual([
      { kind: 'ini', text: 'A=1\n[n](n.md)\n', line: 6, section: '', file: '.env' },
      { kind: 'sh docker', text: 'ls\n', line: 11, section: '', file: undefined },
    ]);
  });
});
