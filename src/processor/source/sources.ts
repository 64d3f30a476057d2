// Lets Node load a service's sources as they are written: hooks of its module loader find the files that imports mean, and
// hand what Node alone cannot run to tsx or a compiler, if the service has installed one.
import { createRequire, registerHooks, type LoadHookSync, type ResolveHookContext } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ProcessorError } from '../../errors.ts';
import { ownFile } from '../../own-file.ts';
import { findCompiler, type Compiler } from './compiler.ts';
import { findConstruct, hasModuleSyntax, type Construct } from './construct.ts';
import { findPackage, type InstalledPackage } from './package.ts';
import { findSource, packageTypeOf, readSource } from './path.ts';
import { aliasedFile, isImport, resolveFrom, type Resolve, type Resolved } from './resolve.ts';
import { tsconfigOf } from './tsconfig.ts';
import { registerTsx } from './tsx.ts';
import { findTypeImport } from './type-import.ts';
import type { Import, Imported } from './unfinished.ts';

/** What loads a service's modules, and why. */
export interface SourceLoader {
  /** `Node`, or the name of a package with its version. */
  readonly name: string;
  /** The construct that Node alone does not run; undefined if Node loads them. */
  readonly because: Place | undefined;
}

/** A construct in a file. */
export interface Place extends Construct {
  /** Absolute. */
  readonly file: string;
}

/** The sources of the services that this process loads; its hooks last as long as the process. */
export class Sources {
  #loader: SourceLoader = { name: 'Node', because: undefined };
  #compiler: Compiler | undefined;
  #serviceDirectory = process.cwd();
  /** The files that the last `import` has found, each with its format if Node would not find that by itself. */
  readonly #formats = new Map<string, string | undefined>();
  readonly #constructs = new Map<string, Construct>();
  readonly #imports: Import[] = [];

  constructor() {
    registerHooks({ resolve: (specifier, context, next) => this.#resolve(specifier, context, next) });
    // Errors show the places of the sources, also if the code was built.
    process.setSourceMapsEnabled(true);
  }

  /** What loads the modules. */
  get loader(): SourceLoader {
    return this.#loader;
  }

  /** What Node alone cannot run in the files of the last `import`, if nothing else runs it. */
  get constructs(): readonly Place[] {
    return [...this.#constructs].map(([file, construct]) => ({ ...construct, file }));
  }

  /** The service's own files that the last `import` has found. */
  get imported(): Imported {
    return { directory: this.#serviceDirectory, files: [...this.#formats.keys()], imports: this.#imports };
  }

  /** Imports a file of a service. Both are absolute. */
  async import(file: string, serviceDirectory: string): Promise<object> {
    this.#serviceDirectory = serviceDirectory;
    this.#formats.clear();
    this.#constructs.clear();
    this.#imports.length = 0;
    if (!this.#isCommonJsSource(file)) return (await import(pathToFileURL(file).href)) as object;
    // Node 22 resolves what an imported CommonJS source requires without its hooks.
    const exported: unknown = createRequire(import.meta.url)(file);
    return { default: exported, ...(typeof exported === 'object' ? exported : {}) };
  }

  #resolve(specifier: string, context: ResolveHookContext, next: Resolve): Resolved {
    const parent = ownFile(context.parentURL);
    const result =
      parent === undefined ? next(specifier, context) : resolveFrom(parent, specifier, context, next);
    const file = ownFile(result.url);
    if (file === undefined) return result;
    if (parent !== undefined) this.#imports.push({ from: parent, to: file });
    return this.#prepare(file, result, context);
  }

  /** Sees to it that a file can be loaded once it is resolved. */
  #prepare(file: string, result: Resolved, context: ResolveHookContext): Resolved {
    const extension = path.extname(file);
    if (extension === '.json') return isImport(context) ? withJsonType(result, context) : result;
    if (!this.#formats.has(file)) this.#formats.set(file, this.#examine(file, extension));
    const format = this.#formats.get(file);
    return format === undefined ? result : { ...result, format };
  }

  /** Chooses what loads a file, once. Returns its format, if Node would not find that by itself. */
  #examine(file: string, extension: string): string | undefined {
    if (!/^\.([cm]?ts|tsx|jsx)$/.test(extension) || this.#hasChosen()) return undefined;
    const code = readSource(file);
    if (code === undefined) return undefined;
    const asModule = isModule(file);
    const construct =
      findConstruct({ code, extension, isModule: asModule }) ?? this.#findTypeImport(file, code);
    const isMisplaced = !asModule && extension !== '.cts' && hasModuleSyntax(code);
    if (construct ?? isMisplaced) this.#choose({ ...(construct ?? moduleSyntax), file });
    // As tsx resolves it: it was registered too late to resolve this one itself.
    if (this.#hasChosen()) return asModule ? 'module' : 'commonjs';
    if (construct) this.#constructs.set(file, construct);
    // TypeScript would make CommonJS of it; without tsx it runs as the ES module as which it is written.
    return isMisplaced && !construct ? 'module-typescript' : undefined;
  }

  /** Whether tsx or a compiler loads all from now on. A method, since TypeScript takes a property to stay the same. */
  #hasChosen(): boolean {
    return this.#loader.because !== undefined;
  }

  /** Looked for only if tsx can help: otherwise the error of the import says it, and most of them do not fail. */
  #findTypeImport(file: string, code: string): Construct | undefined {
    const { verbatimModuleSyntax } = tsconfigOf(file)?.options ?? {};
    if (verbatimModuleSyntax || !this.#findTsx(file)) return undefined;
    return findTypeImport(code, (specifier, importer = file) =>
      specifier.startsWith('.')
        ? findSource(path.resolve(path.dirname(importer), specifier))
        : aliasedFile(importer, specifier),
    );
  }

  #findTsx(file: string): InstalledPackage | undefined {
    return findPackage('tsx', file) ?? findPackage('tsx', this.#manifest);
  }

  /** Has tsx or a compiler load what Node does not run, from this file on. */
  #choose(because: Place): void {
    const { file } = because;
    const tsconfig = tsconfigOf(file);
    if (tsconfig?.options.emitDecoratorMetadata) {
      const compiler = this.#findCompiler(file);
      if (compiler) this.#compileBy(compiler, because);
      else if (because.name !== moduleSyntax.name) throw noCompiler(because);
      return;
    }
    const tsx = this.#findTsx(file);
    if (!tsx) return;
    registerTsx(tsx, tsconfig?.path);
    this.#loader = { name: `tsx ${tsx.version}`, because };
  }

  #findCompiler(file: string): Compiler | undefined {
    return findCompiler(file) ?? findCompiler(this.#manifest);
  }

  /** For what the service itself has installed: a package of its workspace need not have it. */
  get #manifest(): string {
    return path.join(this.#serviceDirectory, 'package.json');
  }

  /** A TypeScript file that is CommonJS as it is written, or will be when it is compiled. */
  #isCommonJsSource(file: string): boolean {
    const extension = path.extname(file);
    if (!/^\.c?tsx?$/.test(extension) || isModule(file)) return false;
    if (tsconfigOf(file)?.options.emitDecoratorMetadata && this.#findCompiler(file)) return true;
    if (extension === '.ts' && packageTypeOf(file) !== 'commonjs') return false;
    return extension !== '.tsx' && !hasModuleSyntax(readSource(file) ?? '');
  }

  #compileBy(compiler: Compiler, because: Place): void {
    this.#compiler = compiler;
    registerHooks({ load: (url, context, next) => this.#load(url, context, next) });
    this.#loader = { name: `${compiler.name} ${compiler.version}`, because };
  }

  #load(
    url: string,
    context: Parameters<LoadHookSync>[1],
    next: Parameters<LoadHookSync>[2],
  ): ReturnType<LoadHookSync> {
    const file = ownFile(url);
    const code = file === undefined ? undefined : readSource(file);
    const extension = path.extname(file ?? '');
    if (!this.#compiler || file === undefined || code === undefined || !/^\.([cm]?ts|tsx)$/.test(extension)) {
      return next(url, context);
    }
    const format = isModule(file) ? 'module' : 'commonjs';
    const options = tsconfigOf(file)?.options ?? {};
    return { format, source: this.#compiler.compile({ file, code, format, options }), shortCircuit: true };
  }
}

let sources: Sources | undefined;

/** The sources of this process. The first call changes how Node finds and loads modules. */
export function openSources(): Sources {
  return (sources ??= new Sources());
}

function noCompiler({ file, name, line }: Place): ProcessorError {
  return new ProcessorError(
    `Node alone does not run ${name} (${file}:${line}), and its tsconfig.json has emitDecoratorMetadata, which tsx does not ` +
      'support. Run npm install @swc/core: svchost then uses it by itself',
  );
}

const moduleSyntax: Construct = {
  name: '"import" or "export" in a package that is not of type "module"',
  line: 1,
};

/** Whether TypeScript takes a file to be an ES module. */
function isModule(file: string): boolean {
  const extension = path.extname(file);
  return extension === '.mts' || (extension !== '.cts' && packageTypeOf(file) === 'module');
}

/** TypeScript needs no `with { type: 'json' }`. */
function withJsonType(result: Resolved, { importAttributes }: ResolveHookContext): Resolved {
  return { ...result, importAttributes: { ...importAttributes, type: 'json' } };
}
