// The GitHub workflows: valid, on every Node that package.json allows, and pinned to the exact code of each action.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const folder = path.resolve(import.meta.dirname, '../.github/workflows');
const workflows = Object.fromEntries(
  readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
);

interface Workflow {
  readonly jobs: {
    readonly [name: string]: {
      readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
      readonly steps?: readonly { readonly run?: string; readonly uses?: string }[];
    };
  };
}

function read(name: string): Workflow {
  return parse(workflows[name]!) as Workflow;
}

/** The shell commands of a workflow. */
function commands(name: string): string[] {
  return Object.values(read(name).jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run = [] }) => run));
}

/** The faults that GitHub's parser finds: keys, values, expressions, and dependencies between jobs. */
async function faults(name: string, content: string): Promise<string[]> {
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  if (!value) return context.errors.getErrors().map(({ message }) => message);
  const { errors = [] } = await convertWorkflowTemplate(context, value);
  return errors.map(({ Message }) => Message);
}

describe.for(Object.keys(workflows))('%s', (name) => {
  it("is a workflow by GitHub's own parser", async () => {
    expect(await faults(name, workflows[name]!)).toEqual([]);
  });

  it('names each action by its commit: a tag can be moved to other code', () => {
    const actions = Object.values(read(name).jobs).flatMap(({ steps = [] }) =>
      steps.flatMap(({ uses = [] }) => uses),
    );
    expect(actions).not.toEqual([]);
    expect(actions.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });
});

it.for([
  ['an invalid key', 'runs-on:', 'runs-in:'],
  ['a job that does not exist', 'needs: npm', 'needs: npn'],
  ['an invalid context', 'vars.IMAGE', 'variables.IMAGE'],
])('the parser finds %s', async ([, found, wrong]) => {
  expect(await faults('publish.yml', workflows['publish.yml']!.replace(found!, wrong!))).not.toEqual([]);
});

it('the check runs on Node 22, 24 and 26, with the Node of the job', () => {
  const { node } = read('check.yml').jobs['check']!.strategy!.matrix;
  expect(node).toEqual([22, 24, 26]);
  expect(commands('check.yml')).toEqual(
    expect.arrayContaining(['npm install --no-save node@${{ matrix.node }}', 'npm run check', '.ci/run']),
  );
});

it('a release is checked first, and published with provenance', () => {
  expect(read('publish.yml').jobs).toMatchObject({
    check: { uses: './.github/workflows/check.yml' },
    npm: { needs: 'check', permissions: { 'id-token': 'write' } },
    image: { needs: 'npm' },
  });
  expect(commands('publish.yml')).toContain('npm publish --provenance --access public');
});
