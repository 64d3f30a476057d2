// The types that users meet: programs that must compile, and lines that must not.
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** The errors of TypeScript in a program that imports the package. */
function errorsOf(source: string): readonly string[] {
  // In the repository, so that its packages are found.
  const file = path.join(import.meta.dirname, 'program.ts');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    noImplicitOverride: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  };
  const disk = ts.createCompilerHost(options);
  const compilerHost: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? source : disk.readFile(name)),
    getSourceFile: (name, version) =>
      name === file ? ts.createSourceFile(name, source, version) : disk.getSourceFile(name, version),
  };
  const program = ts.createProgram([file], options, compilerHost);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const head = `
import { z } from 'zod';
import * as v from 'valibot';
import { type } from 'arktype';
import { BaseServiceProcessor, defineProcessor, type MessageContext, type ProcessorClass } from 'rococo-svchost';
import { runMessages } from 'rococo-svchost/testing';
const Order = z.object({ id: z.number() });
`;

describe('a program compiles with', () => {
  it.each<[string, string]>([
    [
      'messages typed by a schema of zod',
      'export default defineProcessor({ schema: Order, process: (order, { attempt }) => { const id: number = order.id + attempt; return id; } });',
    ],
    [
      'messages typed by a schema of valibot',
      'export default defineProcessor({ schema: v.object({ id: v.string() }), process: (order) => order.id.length });',
    ],
    [
      'messages typed by a schema of arktype',
      'export default defineProcessor({ schema: type({ id: "string" }), process: (order) => order.id.length });',
    ],
    [
      'the output of a schema, rather than its input',
      'export default defineProcessor({ schema: z.object({ at: z.string().transform((text) => new Date(text)) }), process: ({ at }) => at.getTime() });',
    ],
    [
      'messages of any type without a schema',
      'export default defineProcessor({ process: (message) => { const same: unknown = message; return same; } });',
    ],
    [
      'dependencies that are typed',
      'export default defineProcessor({ deps: async () => ({ pool: { query: (text: string) => text.length } }), start: ({ deps }) => deps.pool.query("a"), process: (_message, { deps, log }) => { log.info({ rows: deps.pool.query("b") }); } });',
    ],
    [
      'a class for messages of a type',
      'export class A extends BaseServiceProcessor<{ id: number }> { override process(order: { id: number }, _context: MessageContext) { return order.id; } }',
    ],
    [
      'a class without a type, as before',
      'export class A extends BaseServiceProcessor { static schema = Order; override process(order: z.infer<typeof Order>) { return order.id; } }',
    ],
    [
      'a class for a schema',
      'export class A extends BaseServiceProcessor.for(Order) { override process(order: z.infer<typeof Order>) { return order.id; } }',
    ],
    [
      'the testing kit for all of them',
      `class A extends BaseServiceProcessor.for(Order) { process(order: { id: number }) { return order.id; } }
      class B extends BaseServiceProcessor { static schema = Order; process(order: { id: number }) { return order.id; } }
      await runMessages(A, [{ id: 1 }]);
      await runMessages(B, [{ id: 1 }]);
      await runMessages(defineProcessor({ schema: Order, process: ({ id }) => id }), []);
      await runMessages({ process: (message: { id: string }) => message.id }, []);`,
    ],
  ])('%s', (_what, body) => {
    expect(errorsOf(head + body)).toEqual([]);
  });
});

describe('a program does not compile with', () => {
  it.each<[string, string, RegExp]>([
    [
      'a property that the schema does not have',
      'export default defineProcessor({ schema: Order, process: (order) => order.total });',
      /Property 'total' does not exist/,
    ],
    [
      'a process for messages of another type than the schema',
      'export default defineProcessor({ schema: Order, process: (order: { id: string }) => order.id });',
      /not assignable/,
    ],
    [
      'a dependency that is not made',
      'export default defineProcessor({ deps: () => ({ a: 1 }), process: (_message, { deps }) => deps.b });',
      /Property 'b' does not exist/,
    ],
    [
      'a concurrency that is no number',
      'export default defineProcessor({ concurrency: "2", process() {} });',
      /not assignable to type 'number'/,
    ],
    ['no process', 'export default defineProcessor({ schema: Order });', /'process' is missing/],
    [
      'a class whose process is for another type',
      'export class A extends BaseServiceProcessor<{ id: number }> { override process(order: { id: string }) { return order.id; } }',
      /not assignable to the same property in base type/,
    ],
    [
      'a class for a schema whose process is for another type',
      'export class A extends BaseServiceProcessor.for(Order) { override process(order: { id: string }) { return order.id; } }',
      /not assignable to the same property in base type/,
    ],
    [
      'a class for a schema that has another schema',
      'export class A extends BaseServiceProcessor.for(Order) { static override schema = z.object({ id: z.string() }); override process() {} }',
      /Class static side/,
    ],
    [
      'a class whose static schema and process disagree, where it says that it is a processor',
      `class A extends BaseServiceProcessor { static schema = Order; override process(order: { id: string }) { return order.id; } }
      export default A satisfies ProcessorClass<z.infer<typeof Order>>;`,
      /not assignable|does not satisfy/,
    ],
    [
      'a test of a class whose static schema and process disagree',
      `class A extends BaseServiceProcessor { static schema = Order; override process(order: { id: string }) { return order.id; } }
      await runMessages(A, []);`,
      /not assignable|No overload/,
    ],
  ])('%s', (_what, body, message) => {
    expect(errorsOf(head + body).join('\n')).toMatch(message);
  });
});
