// Loads node:sqlite without its warning that it is experimental.
import type { DatabaseSync } from 'node:sqlite';

export type { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * A handle of the database at `path`.
 *
 * @param busyTimeoutMs how long a statement may block while another process writes
 */
export function openHandle(path: string, busyTimeoutMs: number): DatabaseSync {
  const { DatabaseSync } = loadQuietly();
  return new DatabaseSync(path, { timeout: busyTimeoutMs });
}

/**
 * Node 22 warns when node:sqlite is loaded that it may change. That is for us to know: the pinned tests run on each
 * Node we support. Users would read it as a fault of their service.
 */
function loadQuietly() {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was, by the same function
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
