// Watches the folders of a service and reports the files that changed, once no more changes follow; scope.ts decides
// which count. Watches folder by folder: Node's own recursive watch would include node_modules.
import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import { foldersOf, isChange, isWalked, isWithin, type Scope } from './scope.ts';

/**
 * How long to wait for a further change, in milliseconds: an editor saves in several steps, a checkout writes many
 * files.
 */
const quietMs = 100;

/** How long to wait altogether, in milliseconds, if changes never cease. */
const longestWaitMs = 1_000;

/** The listeners of a watcher. */
export interface WatcherOptions {
  readonly clock: Clock;
  /** Called with the files that changed and count, absolute. */
  readonly onChange: (files: readonly string[]) => void;
  /** Called once with the reason if a folder cannot be watched. */
  readonly onTrouble: (reason: string) => void;
}

interface Folder {
  readonly watcher: FSWatcher;
  /** Differs from that of another folder that takes its place. */
  readonly identity: string;
}

/** Watches one scope at a time. */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #folders = new Map<string, Folder>();
  readonly #touched = new Set<string>();
  readonly #gone = new Set<string>();
  #scope: Scope | undefined;
  #hasTrouble = false;
  #waitsSince: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Watches another scope from now on. Earlier changes are still reported. */
  watch(scope: Scope): void {
    const before = this.#scope;
    this.#scope = scope;
    this.#follow(scope, before);
  }

  /** Stops watching. Idempotent. */
  close(): void {
    this.#cancelTimer?.();
    for (const folder of [...this.#folders.keys()]) this.#unwatch(folder);
    this.#scope = undefined;
  }

  /**
   * Brings the watched folders up to date.
   *
   * @param known the scope so far: a folder within it that is found only now is new on the disk, and so are its files
   */
  #follow(scope: Scope, known: Scope | undefined): void {
    const wanted = foldersOf(scope);
    for (const [name, folder] of this.#folders) {
      if (!wanted.has(name) || identityOf(name) !== folder.identity) this.#unwatch(name);
    }
    for (const name of wanted) {
      if (this.#folders.has(name) || !this.#watch(name)) continue;
      if (known && isWalked(name, known)) this.#noteFilesOf(name);
    }
  }

  #watch(name: string): boolean {
    try {
      const identity = identityOf(name);
      if (identity === undefined) return false;
      const watcher = watch(name, (event, file) => this.#note(name, event, file));
      // The folder was removed, which its parent reports.
      watcher.on('error', () => this.#unwatch(name));
      this.#folders.set(name, { watcher, identity });
      return true;
    } catch (error) {
      this.#reportTrouble(name, error);
      return false;
    }
  }

  #unwatch(name: string): void {
    this.#folders.get(name)?.watcher.close();
    this.#folders.delete(name);
  }

  /** After a folder was created, removed or renamed, the watch on its path is of another folder, or of none. */
  #forget(folder: string): void {
    for (const name of [...this.#folders.keys()]) {
      if (!isWithin(folder, name)) continue;
      this.#unwatch(name);
      // If the folder was moved away, no event reports the files in it.
      this.#gone.add(folder);
    }
  }

  #reportTrouble(name: string, error: unknown): void {
    const { code, message } = toError(error) as NodeJS.ErrnoException;
    // The folder has just been removed.
    if (code === 'ENOENT' || this.#hasTrouble) return;
    this.#hasTrouble = true;
    const limit = code === 'ENOSPC' || code === 'EMFILE';
    const why = limit
      ? 'the system cannot watch more files for this user (fs.inotify.max_user_watches, max_user_instances)'
      : message;
    this.#options.onTrouble(`cannot watch ${name}: ${why}`);
  }

  #noteFilesOf(folder: string): void {
    try {
      for (const file of readdirSync(folder)) this.#note(folder, 'change', file);
    } catch {
      // Removed again.
    }
  }

  #note(folder: string, event: string, file: string | null): void {
    const touched = file === null ? folder : path.join(folder, file);
    if (event === 'rename') this.#forget(touched);
    // A write to a file that does not count is ignored: a log file must not keep us busy. On a rename the path may be a
    // folder, so it always counts at first.
    if (event === 'change' && file !== null && !(this.#scope && isChange(touched, this.#scope))) return;
    this.#touched.add(touched);
    const { clock } = this.#options;
    this.#waitsSince ??= clock.elapsed();
    const restMs = Math.max(0, this.#waitsSince + longestWaitMs - clock.elapsed());
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(Math.min(quietMs, restMs), () => this.#report());
  }

  #report(): void {
    const scope = this.#scope;
    if (!scope) return;
    this.#follow(scope, scope);
    // Following may have noted the files of new folders, and set the timer again.
    this.#cancelTimer?.();
    this.#waitsSince = undefined;
    const changed = [...this.#touched].filter((file) => this.#gone.has(file) || isChange(file, scope));
    this.#touched.clear();
    this.#gone.clear();
    if (changed.length > 0) this.#options.onChange(changed);
  }
}

/** Undefined if there is no such folder. */
function identityOf(folder: string): string | undefined {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
}
