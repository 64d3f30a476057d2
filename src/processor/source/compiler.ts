// Compiles sources whose decorators need the types of what they decorate (emitDecoratorMetadata): tsx cannot do that, but
// SWC and TypeScript up to version 6 can. NestJS and TypeORM find constructor arguments and columns by these types.
import path from 'node:path';
import { findPackage, type InstalledPackage } from './package.ts';
import type { Tsconfig } from './tsconfig.ts';

/** A source file to compile. */
export interface Unit {
  /** Absolute. */
  readonly file: string;
  readonly code: string;
  readonly format: 'module' | 'commonjs';
  readonly options: Tsconfig['options'];
}

/** A compiler that a service has installed. */
export interface Compiler {
  readonly name: string;
  readonly version: string;
  /** The JavaScript of a file, with its source map. Throws the compiler's error. */
  readonly compile: (unit: Unit) => string;
}

/** The compiler that a file's package has installed; undefined if it has none that emits metadata. */
export function findCompiler(file: string): Compiler | undefined {
  const swc = findPackage('@swc/core', file);
  if (swc) return { ...swc, compile: swcCompile(swc) };
  const typescript = findPackage('typescript', file);
  // TypeScript 7 is a program without this function.
  const api = typescript?.load('typescript') as Partial<TypeScript> | undefined;
  if (!typescript || !api?.transpileModule) return undefined;
  return { ...typescript, compile: typescriptCompile(api as TypeScript) };
}

interface Swc {
  transformSync(code: string, options: object): { readonly code: string };
}

function swcCompile(swc: InstalledPackage): Compiler['compile'] {
  const api = swc.load('@swc/core') as Swc;
  return ({ file, code, format, options }) =>
    api.transformSync(code, {
      filename: file,
      swcrc: false,
      configFile: false,
      sourceMaps: 'inline',
      module: { type: format === 'module' ? 'es6' : 'commonjs' },
      jsc: {
        target: 'es2022',
        keepClassNames: true,
        parser: { syntax: 'typescript', decorators: true, tsx: path.extname(file) === '.tsx' },
        transform: {
          legacyDecorator: true,
          decoratorMetadata: true,
          useDefineForClassFields: definesFields(options),
          react: { runtime: options.jsx?.startsWith('react-jsx') ? 'automatic' : 'classic' },
        },
      },
    }).code;
}

interface TypeScript {
  readonly ModuleKind: Readonly<Record<'ESNext' | 'CommonJS', number>>;
  readonly ScriptTarget: Readonly<Record<'ES2022', number>>;
  convertCompilerOptionsFromJson(
    options: unknown,
    basePath: string,
  ): { readonly options: Readonly<Record<string, unknown>> };
  transpileModule(
    code: string,
    options: { readonly fileName: string; readonly compilerOptions: object },
  ): { readonly outputText: string };
}

function typescriptCompile(api: TypeScript): Compiler['compile'] {
  return ({ file, code, format, options }) => {
    const { options: read } = api.convertCompilerOptionsFromJson(options, path.dirname(file));
    const { ESNext, CommonJS } = api.ModuleKind;
    const compilerOptions = {
      ...read,
      module: format === 'module' ? ESNext : CommonJS,
      target: api.ScriptTarget.ES2022,
      moduleResolution: undefined,
      useDefineForClassFields: definesFields(options),
      esModuleInterop: options.esModuleInterop ?? true,
      inlineSourceMap: true,
      inlineSources: true,
      sourceMap: false,
      declaration: false,
      composite: false,
      incremental: false,
      noEmit: false,
    };
    return api.transpileModule(code, { fileName: file, compilerOptions }).outputText;
  };
}

/** TypeScript's rule: fields are defined rather than assigned from ES2022 on. */
function definesFields({ useDefineForClassFields, target }: Tsconfig['options']): boolean {
  return useDefineForClassFields ?? /^es(202[2-9]|next)$/i.test(target ?? '');
}
