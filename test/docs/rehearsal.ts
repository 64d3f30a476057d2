// Rehearses a page in its order: writes its files, runs its commands, compares its output. Works in the page's
// directory; desk.ts checks commands that cannot run on a machine with only Node.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { mustRun } from '../support/command.ts';
import { commandLines } from './command-line.ts';
import { checkAtDesk } from './desk.ts';
import { install } from './install.ts';
import { deskKinds, fileKinds, pictureKinds, type Block, type Page } from './page.ts';
import { Terminal } from './terminal.ts';

/** The circumstances of a rehearsal. */
export interface RehearsalOptions {
  /** The repository. */
  readonly root: string;
  /** The directory of the rehearsal, used for nothing else; the caller removes it. */
  readonly directory: string;
  /** Variables for its commands; they win over the page's env files. */
  readonly env: Readonly<Record<string, string>>;
  /** Replaces queue names by this run's own, in env files and commands. */
  readonly rename: (text: string) => string;
}

/** Rehearses a page from its first block to its last. */
export async function rehearse(page: Page, options: RehearsalOptions): Promise<void> {
  const rehearsal = new Rehearsal(page, options);
  try {
    await rehearsal.run();
  } finally {
    await rehearsal.end();
  }
}

class Rehearsal {
  readonly #page: Page;
  readonly #options: RehearsalOptions;
  readonly #terminal: Terminal;
  /** The reader's directory, which `cd` changes. */
  #cwd: string;
  #section = '';
  /** The TypeScript files of the page that the compiler has not checked yet. */
  readonly #unchecked = new Set<string>();

  constructor(page: Page, options: RehearsalOptions) {
    this.#page = page;
    this.#options = options;
    this.#cwd = options.directory;
    const bin = path.join(options.root, 'node_modules/.bin');
    this.#terminal = new Terminal({
      // The Node that svchost runs on comes first; npm and npx are the machine's.
      PATH: `${bin}:${process.env.PATH}`,
      HOME: process.env.HOME,
      // A package that is not installed must fail, and not be fetched.
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
      ...options.env,
    });
  }

  async run(): Promise<void> {
    for (const block of this.#page.blocks) {
      if (block.section !== this.#section) await this.#endSection();
      this.#section = block.section;
      try {
        await this.#act(block);
      } catch (error) {
        const { message } = error as Error;
        throw new Error(`${this.#page.name}:${block.line}: ${message}`, { cause: error });
      }
    }
    await this.#endSection();
    await this.#checkTypes();
  }

  async end(): Promise<void> {
    await this.#terminal.kill();
  }

  async #act(block: Block): Promise<void> {
    const { kind } = block;
    if (isOneOf(fileKinds, kind)) await this.#write(block);
    else if (kind === 'sh') await this.#type(block);
    else if (isOneOf(deskKinds, kind)) this.#read(block, kind);
    else if (kind === 'text') await this.#terminal.expectOutput(this.#expectedOutput(block));
    else if (!isOneOf(pictureKinds, kind)) throw new Error(`a block of unknown kind "${kind}"`);
  }

  /** Commands that cannot run here. Their files may also be beside the page. */
  #read({ text }: Block, kind: (typeof deskKinds)[number]): void {
    const { root } = this.#options;
    checkAtDesk(kind, text, [this.#cwd, path.join(root, path.dirname(this.#page.name)), root]);
  }

  /** A file that the reader creates. */
  async #write({ kind, text, file }: Block): Promise<void> {
    if (file === undefined) throw new Error('no file is named in the line before the block');
    const target = path.resolve(this.#cwd, file);
    if (!target.startsWith(this.#options.directory + path.sep))
      throw new Error(`${file} is outside of the directory`);
    if (kind === 'json') JSON.parse(text);
    if (kind === 'yaml') parseYaml(text);
    // A later block overwrites it, so it is checked now.
    if (this.#unchecked.has(target)) await this.#checkTypes();
    if (kind === 'ts') this.#unchecked.add(target);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, kind === 'ini' ? this.#options.rename(text) : text);
  }

  /** Runs commands one after the other; a host runs beside those that follow, to the end of the section. */
  async #type({ text }: Block): Promise<void> {
    for (const { command, kind, code } of commandLines(this.#options.rename(text))) {
      if (kind === 'cd') this.#cwd = path.resolve(this.#cwd, command);
      else if (kind === 'install') install(this.#cwd, this.#options.root);
      else if (kind === 'sqs') this.#expectSqs();
      else if (kind === 'host') await this.#terminal.start(command, this.#cwd);
      else await this.#terminal.run(command, this.#cwd, code);
    }
  }

  /** A server on a port that others use as well: the test runs one of its own, and has set its address. */
  #expectSqs(): void {
    if (!('AWS_ENDPOINT_URL_SQS' in this.#options.env)) throw new Error('no env file of the page is for SQS');
  }

  async #endSection(): Promise<void> {
    const blocks = this.#page.blocks.filter(
      ({ section, kind }) => section === this.#section && kind === 'text',
    );
    await this.#terminal.stop(blocks.flatMap((block) => this.#expectedOutput(block)));
  }

  #expectedOutput({ text }: Block): string[] {
    return this.#options
      .rename(text)
      .split('\n')
      .filter((line) => line.trim() !== '');
  }

  /** The page's TypeScript must pass the compiler as strictly as this repository's. */
  async #checkTypes(): Promise<void> {
    if (this.#unchecked.size === 0) return;
    const { root } = this.#options;
    const flags = [
      ...['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck'],
      ...['--erasableSyntaxOnly', '--allowImportingTsExtensions', '--noImplicitOverride'],
      ...['--types', 'node', '--typeRoots', path.join(root, 'node_modules/@types')],
    ];
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    await mustRun(process.execPath, [compiler, ...flags, ...this.#unchecked], {
      cwd: this.#options.directory,
    });
    this.#unchecked.clear();
  }
}

function isOneOf<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}
