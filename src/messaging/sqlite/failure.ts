// Classifies errors of SQLite: wait, try again, give up, or blame the one operation. Pure.
import { BrokerRefusedError, SvchostError } from '../../errors.ts';

/** The possible answers to an error. */
export type FailureKind =
  /** Another process is writing: retry soon. */
  | 'busy'
  /** The disk is full, read-only or failing: retry later. */
  | 'passing'
  /** The file is gone, damaged or not ours: nothing will work any more. */
  | 'fatal'
  /** Only this operation is at fault. */
  | 'operation';

/** The primary result codes that matter here (sqlite.org/rescode.html). */
const resultCode = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  schema: 17,
  notADatabase: 26,
} as const;

/** SQLITE_READONLY_DBMOVED: the file has been moved or deleted. */
const movedCode = 1032;

const kinds = new Map<number, FailureKind>([
  [resultCode.busy, 'busy'],
  [resultCode.locked, 'busy'],
  [resultCode.protocol, 'busy'],
  [resultCode.perm, 'passing'],
  [resultCode.noMemory, 'passing'],
  [resultCode.readOnly, 'passing'],
  [resultCode.io, 'passing'],
  [resultCode.full, 'passing'],
  [resultCode.cannotOpen, 'passing'],
  // One of our statements does not fit the tables: another program has changed them.
  [resultCode.error, 'fatal'],
  [resultCode.schema, 'fatal'],
  [resultCode.corrupt, 'fatal'],
  [resultCode.notADatabase, 'fatal'],
]);

/** How to respond to `error`. */
export function kindOf(error: unknown): FailureKind {
  if (error instanceof BrokerRefusedError) return 'fatal';
  const code = resultCodeOf(error);
  if (code === undefined) return 'operation';
  if (code === movedCode) return 'fatal';
  return kinds.get(primary(code)) ?? 'operation';
}

/** Whether the disk is full, according to SQLite or the file system. */
export function isDiskFull(error: unknown): boolean {
  const code = resultCodeOf(error);
  return (code !== undefined && primary(code) === resultCode.full) || systemCodeOf(error) === 'ENOSPC';
}

/** Explains `error` for the file at `path`, with the remedy, in words that can end a sentence. */
export function explain(error: unknown, path: string): string {
  if (error instanceof SvchostError) return error.message;
  if (isDiskFull(error)) return `the disk that holds ${path} is full; free some space`;
  const code = resultCodeOf(error);
  switch (code === undefined ? undefined : primary(code)) {
    case resultCode.busy:
    case resultCode.locked:
    case resultCode.protocol:
      return `${path} is locked by another process; end the process that keeps it locked`;
    case resultCode.readOnly:
    case resultCode.perm:
      return `${path} cannot be written; give this user write permission for the file and its directory`;
    case resultCode.cannotOpen:
      return `${path} cannot be opened; check that its directory exists and that this user may write to it`;
    case resultCode.io:
      return `reading or writing ${path} failed; check its disk and file system`;
    case resultCode.notADatabase:
      return `${path} is not a SQLite file; set SQLITE_PATH to another file, or move this one away`;
    case resultCode.corrupt:
      return `${path} is damaged; restore it from a backup, or move it away to start with an empty queue`;
    default:
      return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** SQLite's extended result code in `error`; undefined if it is not an error of SQLite. */
export function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

/** The operating system's code in `error`, such as `EACCES`; undefined if it has none. */
export function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** An extended result code keeps its primary one in the lowest byte. */
function primary(code: number): number {
  return code & 0xff;
}
