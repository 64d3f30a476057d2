// The embedded queue: its variable and its settings. Pure.
import path from 'node:path';
import { text } from '../variable/value.ts';
import { variable } from '../variable/variable.ts';
import { anyQueueName, type Broker } from './broker.ts';

/** The settings of SqliteConnection. */
export interface SqliteSettings {
  readonly type: 'SqliteConnection';
  /** Absolute. */
  readonly path: string;
}

const variables = {
  SQLITE_PATH: variable(text, {
    fallback: '.svchost/queue.db',
    description: "the embedded queue's file, relative to the service directory",
  }),
} as const;

/** The embedded queue. */
export const sqlite: Broker<typeof variables, SqliteSettings> = {
  name: 'the embedded queue',
  console: 'the sqlite3 shell',
  variables,
  signs: [],
  otherNames: {},
  consumeVariables: {},
  sharesSchedules: true,
  queueNames: anyQueueName,
  read: ({ values, serviceDirectory }) => ({
    settings: { type: 'SqliteConnection', path: path.resolve(serviceDirectory, values.SQLITE_PATH) },
    problems: [],
    warnings: [],
  }),
};
