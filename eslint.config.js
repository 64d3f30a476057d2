// Lint rules. Two of them hold the architecture: which folder may import which, and that only config reads the environment.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What a folder of src may not import: the folders above it, and the drivers of others. */
const arrows = {
  'src/{errors,log,clock}.ts': [
    'config',
    'processor',
    'messaging',
    'schedule',
    'service',
    'http',
    'commands',
  ],
  'src/config/**': ['processor', 'messaging', 'schedule', 'service', 'http', 'commands'],
  'src/processor/**': ['messaging', 'schedule', 'service', 'http', 'commands'],
  'src/messaging/**': ['processor', 'schedule', 'service', 'http', 'commands'],
  'src/schedule/**': ['messaging', 'service', 'http', 'commands'],
  'src/http/**': ['processor', 'messaging', 'schedule', 'commands'],
  'src/service/**': ['commands'],
};

/** Each driver, and the one folder that may import it. */
const drivers = {
  amqplib: 'src/messaging/rabbitmq/',
  '@aws-sdk/*': 'src/messaging/sqs/',
  'node:sqlite': 'src/messaging/sqlite/',
  croner: 'src/schedule/',
  envalid: 'src/config/',
};

/** The drivers that the files of one glob may not import. */
const foreignDrivers = (glob) =>
  Object.entries(drivers).flatMap(([driver, home]) => (glob.startsWith(home) ? [] : [driver]));

const importRule = (glob, folders) => [
  'error',
  {
    patterns: [
      ...folders.map((folder) => ({
        group: [`**/${folder}/**`],
        message: `Arrows point one way: ${glob} may not import ${folder}.`,
      })),
      {
        group: foreignDrivers(glob),
        message: 'A driver is imported by its own folder only (see eslint.config.js).',
      },
    ],
  },
];

const boundaries = [
  { files: ['src/**/*.ts'], rules: { 'no-restricted-imports': importRule('src/', []) } },
  ...Object.entries(arrows).map(([glob, folders]) => ({
    files: [glob],
    rules: { 'no-restricted-imports': importRule(glob, folders) },
  })),
  // A driver's folder: the arrows of its parent, and its own driver.
  ...['rabbitmq', 'sqs', 'sqlite'].map((broker) => ({
    files: [`src/messaging/${broker}/**`],
    rules: {
      'no-restricted-imports': importRule(`src/messaging/${broker}/`, [
        ...arrows['src/messaging/**'],
        ...['rabbitmq', 'sqs', 'sqlite'].filter((other) => other !== broker),
      ]),
    },
  })),
];

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '**/fixtures/**'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
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
  ...boundaries,
  {
    files: ['src/config/**', 'base-image/**', 'test/**', 'examples/**', 'bench/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['examples/**/*.test.ts'],
    rules: {
      // The runner itself awaits what its `test` returns.
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
    // Functions where the user's awaits are yet to come, and tests of node:test, which waits for them itself.
    files: ['src/template/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
    },
  },
);
