// Lint rules. Two of them hold the architecture: which room of src may import which, and that only config reads the
// environment.
import path from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Each broker: its folder in messaging/, and the drivers that only this folder may import. */
export const brokers = {
  rabbitmq: ['amqplib'],
  sqs: ['@aws-sdk/client-sqs'],
  nats: ['@nats-io/transport-node', '@nats-io/jetstream'],
  sqlite: ['node:sqlite'],
};

const brokerRooms = Object.fromEntries(
  Object.keys(brokers).map((name) => [
    name,
    { path: `messaging/${name}/`, imports: ['messaging', 'broker', 'ground'] },
  ]),
);

/**
 * The rooms of src and the arrows between them, one table for all: each file belongs to the first room whose path
 * begins its own, and may import from its own room and from those listed; all else is an error. docs/internals.md draws
 * it.
 */
export const rooms = {
  bin: { path: 'bin.ts', imports: ['cli'] },
  cli: { path: 'cli.ts', imports: ['commands', 'ground'] },
  index: { path: 'index.ts', imports: ['processor', 'ground'] },
  register: { path: 'register.ts', imports: ['processor'] },
  testing: { path: 'testing/', imports: ['service', 'sqlite', 'messaging', 'processor', 'config', 'ground'] },
  commands: {
    path: 'commands/',
    imports: ['host', 'messaging', 'service', 'schedule', 'config', 'broker', 'variable', 'ground'],
  },
  host: {
    path: 'host/',
    imports: ['service', 'open', 'messaging', 'schedule', 'processor', 'config', 'ground'],
  },
  service: {
    path: 'service/',
    imports: ['messaging', 'schedule', 'processor', 'config', 'ground'],
  },
  open: {
    path: 'messaging/open.ts',
    imports: [...Object.keys(brokers), 'messaging', 'config', 'ground'],
  },
  ...brokerRooms,
  messaging: { path: 'messaging/', imports: ['ground'] },
  schedule: { path: 'schedule/', imports: ['ground'] },
  processor: { path: 'processor/', imports: ['ground'] },
  variable: { path: 'config/variable/', imports: [] },
  broker: { path: 'config/broker/', imports: ['variable', 'ground'] },
  config: { path: 'config/', imports: ['broker', 'variable', 'ground'] },
  ground: { path: '', imports: [] },
};

/** Each driver, and the rooms that may import it. */
export const drivers = {
  ...Object.fromEntries(
    Object.entries(brokers).flatMap(([room, packages]) => packages.map((name) => [name, [room]])),
  ),
  croner: ['schedule'],
  envalid: ['config', 'variable'],
  commander: ['cli', 'commands'],
};

const source = path.join(import.meta.dirname, 'src');

/** The room of a file; undefined outside of src. */
export function roomOf(file) {
  const inside = path.relative(source, file).split(path.sep).join('/');
  if (inside.startsWith('../')) return undefined;
  return Object.keys(rooms).find((name) => inside.startsWith(rooms[name].path));
}

/** The rule that an import of `specifier` in `file` breaks, for people; undefined if it breaks none. */
export function forbidden(file, specifier) {
  const room = roomOf(file);
  if (room === undefined) return undefined;
  if (!specifier.startsWith('.')) {
    const homes = drivers[specifier] ?? [room];
    return homes.includes(room) ? undefined : `${specifier} is imported by ${homes.join(' and ')} only`;
  }
  const target = roomOf(path.resolve(path.dirname(file), specifier));
  if (target === undefined || target === room || rooms[room].imports.includes(target)) return undefined;
  return `${rooms[room].path || 'the ground'} may not import ${rooms[target].path}`;
}

const arrows = {
  create(context) {
    const check = (node) => {
      const specifier = node.source?.value;
      const message = typeof specifier === 'string' ? forbidden(context.filename, specifier) : undefined;
      if (message)
        context.report({ node, message: `Arrows point one way: ${message} (see eslint.config.js).` });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '**/fixtures/**'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment.' },
      ],
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', AbortSignal: 'readonly' } },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/commands/new/template/**'],
    plugins: { svchost: { rules: { arrows } } },
    rules: { 'svchost/arrows': 'error' },
  },
  {
    // src/processor/source/tsx.ts passes an option to tsx that it reads from there only.
    files: [
      'src/config/**',
      'src/processor/source/tsx.ts',
      'base-image/**',
      'test/**',
      'examples/**',
      'bench/**',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['examples/**/*.test.ts'],
    rules: {
      // The runner of node:test awaits its tests itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
    },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    // The user adds the awaits to these functions; the runner of node:test awaits its tests itself.
    files: ['src/commands/new/template/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
    },
  },
);
