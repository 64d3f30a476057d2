// Errors of SQLite: their consequences and their wording, as tables.
import { describe, expect, it } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import { explain, isDiskFull, kindOf, type FailureKind } from '../../../src/messaging/sqlite/failure.ts';

const sqliteError = (errcode: unknown) => Object.assign(new Error('SQLite says no'), { errcode });
const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('an error', () => {
  it.for<[string, unknown, FailureKind, RegExp]>([
    ['BUSY', sqliteError(5), 'busy', /^q\.db is locked by another process/],
    ['BUSY_SNAPSHOT', sqliteError(517), 'busy', /^q\.db is locked/],
    ['LOCKED', sqliteError(6), 'busy', /^q\.db is locked/],
    ['FULL', sqliteError(13), 'passing', /^the disk that holds q\.db is full/],
    ['READONLY', sqliteError(8), 'passing', /^q\.db cannot be written/],
    ['READONLY_DBMOVED', sqliteError(1032), 'fatal', /^q\.db cannot be written/],
    ['IOERR_WRITE', sqliteError(778), 'passing', /^reading or writing q\.db failed/],
    ['CANTOPEN', sqliteError(14), 'passing', /^q\.db cannot be opened/],
    ['CORRUPT', sqliteError(11), 'fatal', /^q\.db is damaged/],
    ['NOTADB', sqliteError(26), 'fatal', /^q\.db is not a SQLite file/],
    ['ERROR', sqliteError(1), 'fatal', /^q\.db: SQLite says no$/],
    ['CONSTRAINT', sqliteError(19), 'operation', /^q\.db: SQLite says no$/],
    ['ENOSPC of the system', systemError('ENOSPC'), 'operation', /^the disk that holds q\.db is full/],
    ['a refusal', new BrokerRefusedError('no'), 'fatal', /^no$/],
    ['an error of another kind', new TypeError('no'), 'operation', /^q\.db: no$/],
    ['no error at all', 'no', 'operation', /^q\.db: no$/],
    ['an errcode that is no number', sqliteError('5'), 'operation', /^q\.db: SQLite says no$/],
  ])('%s', ([, error, kind, text]) => {
    expect(kindOf(error)).toBe(kind);
    expect(explain(error, 'q.db')).toMatch(text);
  });

  it.for<[unknown, boolean]>([
    [sqliteError(13), true],
    [systemError('ENOSPC'), true],
    [sqliteError(10), false],
    [systemError('EACCES'), false],
    [undefined, false],
  ])('%o means a full disk: %s', ([error, expected]) => {
    expect(isDiskFull(error)).toBe(expected);
  });
});
