// The rooms of src: every file belongs to one, docs/internals.md draws them as in eslint.config.js, and the files that
// it names exist.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPage } from './docs/page.ts';

interface Config {
  readonly brokers: Readonly<Record<string, readonly string[]>>;
  readonly rooms: Readonly<Record<string, { readonly path: string; readonly imports: readonly string[] }>>;
  readonly roomOf: (file: string) => string | undefined;
  readonly forbidden: (file: string, specifier: string) => string | undefined;
}

const root = path.resolve(import.meta.dirname, '..');
const source = path.join(root, 'src');
const { brokers, rooms, roomOf, forbidden } = (await import(path.join(root, 'eslint.config.js'))) as Config;
const page = readPage(root, 'docs/internals.md');
const files = globSync('**/*.ts', { cwd: source, exclude: ['commands/new/template/**'] });

/** All brokers have the same arrows, and share one box of the picture. */
const adapter = { name: 'adapter', path: 'messaging/(each broker)/' };
const nameOf = (room: string) => (room in brokers ? adapter.name : room);

describe('the picture of docs/internals.md', () => {
  const { boxes, arrows } = readPicture(page.blocks.find(({ kind }) => kind === 'mermaid')?.text ?? '');

  it('shows every room of eslint.config.js under its path, except the ground', () => {
    const expected = Object.entries(rooms)
      .filter(([room]) => room !== 'ground')
      .map(([room, { path }]) => [nameOf(room), room in brokers ? adapter.path : path]);
    expect(boxes).toEqual(Object.fromEntries(expected));
  });

  it('shows every arrow of eslint.config.js, except those to the ground', () => {
    const expected = Object.entries(rooms).flatMap(([room, { imports }]) =>
      imports.filter((target) => target !== 'ground').map((target) => `${nameOf(room)} -> ${nameOf(target)}`),
    );
    expect([...arrows].sort()).toEqual([...new Set(expected)].sort());
  });
});

describe('the rooms', () => {
  it('contain every file of src; only those at its top are ground', () => {
    expect(files.length).toBeGreaterThan(100);
    const astray = files.filter((file) => {
      const room = roomOf(path.join(source, file));
      return room === undefined || (room === 'ground' && file.includes('/'));
    });
    expect(astray).toEqual([]);
  });

  it('have no arrow that no import needs', () => {
    const used = new Set(files.flatMap(arrowsOf));
    const allowed = Object.entries(rooms).flatMap(([room, { imports }]) =>
      imports.map((target) => `${nameOf(room)} -> ${nameOf(target)}`),
    );
    expect(allowed.filter((arrow) => !used.has(arrow))).toEqual([]);
  });

  it.for([
    ['service/service.ts', '../host/host.ts', 'service/ may not import host/'],
    ['messaging/sqs/api.ts', '../sqlite/store.ts', 'messaging/sqs/ may not import messaging/sqlite/'],
    ['errors.ts', './config/settings.ts', 'the ground may not import config/'],
    ['service/service.ts', 'amqplib', 'amqplib is imported by rabbitmq only'],
    ['host/wiring.ts', '../messaging/open.ts', undefined],
    ['messaging/rabbitmq/connection.ts', 'amqplib', undefined],
  ])('judge the import in %s of %s', ([file, specifier, problem]) => {
    expect(forbidden(path.join(source, file!), specifier!)).toBe(problem);
  });
});

it('docs/internals.md names only files that exist', () => {
  const text = readFileSync(path.join(root, 'docs/internals.md'), 'utf8');
  const broken = text
    .split('\n\n')
    .flatMap((paragraph) => {
      // A paragraph about one folder names the files in it without the folder.
      const [, folder = ''] = /^\*\*\w+\*\* \(`([\w/]+)`\)/.exec(paragraph) ?? [];
      return [...paragraph.matchAll(/`([\w./-]+\.(?:ts|js))`/g)].map(([, name]) => ({ folder, name: name! }));
    })
    .filter(({ folder, name }) =>
      [source, root, path.join(source, folder)].every((directory) => !existsSync(path.join(directory, name))),
    );
  expect(broken).toEqual([]);
});

/** The boxes, by name with their label, and the arrows of a Mermaid flowchart in the form that the page uses. */
function readPicture(mermaid: string) {
  const boxes: Record<string, string> = {};
  const arrows = new Set<string>();
  const read = (box: string) => {
    const [, name = '', label] = /^(\w+)(?:\["(.+)"\])?$/.exec(box.trim()) ?? [];
    if (label !== undefined) boxes[name] = label;
    return name;
  };
  for (const line of mermaid.trim().split('\n').slice(1)) {
    const [from = '', to = ''] = line.split('-->');
    const name = read(from);
    for (const box of to.split('&')) arrows.add(`${name} -> ${read(box)}`);
  }
  return { boxes, arrows };
}

function arrowsOf(file: string): string[] {
  const absolute = path.join(source, file);
  const room = roomOf(absolute)!;
  const imports = readFileSync(absolute, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return [...imports].map(([, specifier]) => {
    const target = roomOf(path.resolve(path.dirname(absolute), specifier!))!;
    return `${nameOf(room)} -> ${nameOf(target)}`;
  });
}
