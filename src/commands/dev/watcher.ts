// Watches the folders of a service and tells which files have changed, once they have come to rest. Owns no rule of what
// counts (scope.ts). Folder by folder: Node's own recursive watch would go through node_modules as well.
import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import { foldersOf, isChange, isWalked, isWithin, type Scope } from './scope.ts';

/** How long it must be quiet, in milliseconds: an editor saves in several steps, a checkout writes many files. */
const quietMs = 100;

/** How long to wait for that, in milliseconds, where something is written without end. */
const longestWaitMs = 1_000;

export interface WatcherOptions {
  readonly clock: Clock;
  /** Told the files that changed and count, absolute. */
  readonly onChange: (files: readonly string[]) => void;
  /** Told, once, why not everything is watched. */
  readonly onTrouble: (reason: string) => void;
}

interface Folder {
  readonly watcher: FSWatcher;
  /** Tells it from another folder that takes its place. */
  readonly identity: string;
}

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

  /** Watches another scope from now on. What changed in the one before is still told. */
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
   * @param known what was watched so far: a folder in it that is found only now is new on the disk, and its files with it
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
      // A folder that goes away; its parent tells so.
      watcher.on('error', () => this.#unwatch(name));
      this.#folders.set(name, { watcher, identity });
      return true;
    } catch (error) {
      this.#tellTrouble(name, error);
      return false;
    }
  }

  #unwatch(name: string): void {
    this.#folders.get(name)?.watcher.close();
    this.#folders.delete(name);
  }

  /** Of a folder that came, went or was renamed, the watch is that of another folder, or of none. */
  #forget(folder: string): void {
    for (const name of [...this.#folders.keys()]) {
      if (!isWithin(folder, name)) continue;
      this.#unwatch(name);
      // What was in it is gone without an event of its own, where the folder was moved away.
      this.#gone.add(folder);
    }
  }

  #tellTrouble(name: string, error: unknown): void {
    const { code, message } = toError(error) as NodeJS.ErrnoException;
    // The folder went away in this moment.
    if (code === 'ENOENT' || this.#hasTrouble) return;
    this.#hasTrouble = true;
    const limit = code === 'ENOSPC' || code === 'EMFILE';
    const why = limit
      ? 'the system watches no more files for this user (fs.inotify.max_user_watches, max_user_instances)'
      : message;
    this.#options.onTrouble(`${name} is not watched: ${why}`);
  }

  #noteFilesOf(folder: string): void {
    try {
      for (const file of readdirSync(folder)) this.#note(folder, 'change', file);
    } catch {
      // Gone again.
    }
  }

  #note(folder: string, event: string, file: string | null): void {
    const touched = file === null ? folder : path.join(folder, file);
    if (event === 'rename') this.#forget(touched);
    // What is only written to, and does not count, is not looked at: a log file must not keep us busy. What comes, goes
    // or is renamed may be a folder.
    if (event === 'change' && file !== null && !(this.#scope && isChange(touched, this.#scope))) return;
    this.#touched.add(touched);
    const { clock } = this.#options;
    this.#waitsSince ??= clock.now();
    const restMs = Math.max(0, this.#waitsSince + longestWaitMs - clock.now());
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(Math.min(quietMs, restMs), () => this.#tell());
  }

  #tell(): void {
    const scope = this.#scope;
    if (!scope) return;
    this.#follow(scope, scope);
    // Following may have noted the files of new folders, and set the timer anew.
    this.#cancelTimer?.();
    this.#waitsSince = undefined;
    const changed = [...this.#touched].filter((file) => this.#gone.has(file) || isChange(file, scope));
    this.#touched.clear();
    this.#gone.clear();
    if (changed.length > 0) this.#options.onChange(changed);
  }
}

/** Undefined where there is no such folder. */
function identityOf(folder: string): string | undefined {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
}
