// Loads node:sqlite without its warning that it is experimental.
import type { DatabaseSync } from 'node:sqlite';

export type { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * Opens the database at `path`.
 *
 * @param busyTimeoutMs how long a statement may block while another process writes, in milliseconds
 */
export function openHandle(path: string, busyTimeoutMs: number): DatabaseSync {
  const { DatabaseSync } = loadQuietly();
  return new DatabaseSync(path, { timeout: busyTimeoutMs });
}

/**
 * When node:sqlite is loaded, Node 22 warns that it may change. Users would take that for a fault of their service;
 * svchost's tests, which run on every supported Node, would notice a change.
 */
function loadQuietly() {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- restored by the same function
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: never[]) => {
    if (!isAboutSqlite(warning)) emitWarning.call(process, warning, ...rest);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

function isAboutSqlite(warning: string | Error): boolean {
  return String(warning).includes('SQLite is an experimental feature');
}
