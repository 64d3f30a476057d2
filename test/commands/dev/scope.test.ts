// Which files belong to a service, and which changes count.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { foldersOf, isChange, scopeOf, type Scope } from '../../../src/commands/dev/scope.ts';
import { createTree } from '../../processor/tree.ts';

describe('a change', () => {
  const scope: Scope = {
    roots: ['/repo/services/mail', '/repo/common'],
    files: new Set(['/repo/services/mail/.env', '/repo/services/mail/dist/main.js', '/repo/root.ts']),
    data: ['/repo/services/mail/templates', '/repo/one.json'],
    queueFile: '/repo/services/mail/templates/queue.db',
  };

  it.each([
    '/repo/services/mail/processor.ts',
    '/repo/services/mail/lib/deep/new.mjs',
    '/repo/services/mail/lib/view.tsx',
    '/repo/services/mail/package.json',
    '/repo/services/mail/.env',
    '/repo/services/mail/dist/main.js',
    '/repo/common/src/mail.cts',
    '/repo/root.ts',
    '/repo/services/mail/templates/hello.html',
    '/repo/services/mail/templates/de/hello.html',
    '/repo/one.json',
  ])('of %s counts', (file) => {
    expect(isChange(file, scope)).toBe(true);
  });

  it.each([
    '/repo/services/mail/mail.log',
    '/repo/services/mail/state.json',
    '/repo/services/mail/README.md',
    '/repo/services/mail/lib',
    '/repo/services/mail/.svchost/queue.db-wal',
    '/repo/services/mail/.git/index.js',
    '/repo/services/mail/.env.production',
    '/repo/services/mail/node_modules/zod/index.js',
    '/repo/services/mail/lib/node_modules/zod/index.js',
    '/repo/services/mail/dist/other.js',
    // Files that editors put beside an edited file.
    '/repo/services/mail/lib/.#handler.ts',
    '/repo/services/mail/lib/#handler.ts#',
    '/repo/services/mail/lib/handler.ts~',
    '/repo/services/mail/lib/.handler.ts.swp',
    '/repo/services/mail/4913',
    '/repo/services/mailer/processor.ts',
    '/repo/other.ts',
    '/repo/services/mail/templates/queue.db',
    '/repo/services/mail/templates/queue.db-wal',
    '/repo/services/mail/templates/.svchost/x',
    '/repo/services/mail/templates/node_modules/x',
  ])('of %s does not count', (file) => {
    expect(isChange(file, scope)).toBe(false);
  });
});

describe('the scope of a service', () => {
  const tree = {
    'package.json': {},
    'shared.ts': '',
    'common/package.json': {},
    'common/src/mail.ts': '',
    'common/node_modules/x/index.js': '',
    'services/mail/package.json': {},
    'services/mail/processor.ts': '',
    'services/mail/lib/handler.ts': '',
    'services/mail/dist/main.js': '',
    'services/mail/node_modules/zod/index.js': '',
    'services/mail/.svchost/queue.db': '',
    'services/mail/templates/de/hello.html': '',
    'services/other/processor.ts': '',
  };

  /** Paths relative to the repository, sorted. */
  const relative = (root: string, files: Iterable<string>) =>
    [...files].map((file) => path.relative(root, file)).sort();

  it('is its directory and the packages that it loads from outside it', () => {
    const root = createTree(tree);
    const loaded = new Set(
      ['services/mail/processor.ts', 'common/src/mail.ts'].map((file) => path.join(root, file)),
    );
    const scope = scopeOf({ directory: path.join(root, 'services/mail'), loaded, data: [] });
    expect(relative(root, scope.roots)).toEqual(['common', 'services/mail']);
    expect(relative(root, foldersOf(scope))).toEqual([
      'common',
      'common/src',
      'services/mail',
      'services/mail/lib',
      'services/mail/templates',
      'services/mail/templates/de',
    ]);
  });

  it('includes only the loaded files of a package that contains the service', () => {
    const root = createTree(tree);
    const loaded = new Set([path.join(root, 'shared.ts'), path.join(root, 'services/mail/dist/main.js')]);
    const scope = scopeOf({ directory: path.join(root, 'services/mail'), loaded, data: [] });
    expect(relative(root, scope.roots)).toEqual(['services/mail']);
    const folders = relative(root, foldersOf(scope));
    expect(folders).toContain('');
    expect(folders).toContain('services/mail/dist');
    expect(folders).not.toContain('services/other');
    expect(isChange(path.join(root, 'shared.ts'), scope)).toBe(true);
    expect(isChange(path.join(root, 'services/other/processor.ts'), scope)).toBe(false);
  });

  it('includes the target of a linked env file, and the paths of --watch', () => {
    const root = createTree({ ...tree, 'shared.env': '' });
    const service = path.join(root, 'services/mail');
    symlinkSync(path.join(root, 'shared.env'), path.join(service, '.env'));
    mkdirSync(path.join(root, 'data/sub'), { recursive: true });
    const scope = scopeOf({ directory: service, loaded: new Set(), data: [path.join(root, 'data')] });
    expect(isChange(path.join(root, 'shared.env'), scope)).toBe(true);
    expect(isChange(path.join(service, '.env'), scope)).toBe(true);
    expect(isChange(path.join(root, 'data/sub/x.csv'), scope)).toBe(true);
    expect(relative(root, foldersOf(scope))).toEqual(expect.arrayContaining(['', 'data', 'data/sub']));
  });

  it('exists even for a directory that has been removed', () => {
    const root = createTree(tree);
    const gone = path.join(root, 'gone');
    const scope = scopeOf({ directory: gone, loaded: new Set(), data: [path.join(gone, 'data')] });
    expect([...foldersOf(scope)]).toEqual([gone]);
  });
});
