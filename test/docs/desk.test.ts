// The checks of commands that cannot run here, and how the lines of a block are read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commandLines } from './command-line.ts';
import { checkAtDesk } from './desk.ts';
import { ownNames } from './queue-name.ts';

const root = path.resolve(import.meta.dirname, '../..');

function directory(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'svchost-desk-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  writeFileSync(path.join(made, 'Dockerfile'), 'FROM node\nARG SVC_ROOT_DIR=.\nONBUILD ARG ENVIRONMENT\n');
  writeFileSync(path.join(made, 'service.yaml'), 'kind: Deployment\n');
  return made;
}

describe('commands that cannot run here', () => {
  it.for([
    ['sh docker', 'docker build . -t shop --build-arg SVC_ROOT_DIR=src --build-arg=ENVIRONMENT=local'],
    ['sh docker', 'docker run --env-file Dockerfile shop'],
    ['sh docker', "npm run demo\ndocker build --build-arg A=1 -f - . <<< 'ARG A'"],
    ['sh docker', 'cd examples\ndocker run --env-file service-example/.env.example shop'],
    ['sh kubernetes', 'kubectl apply -f service.yaml'],
    ['sh repository', 'npm ci && npm run check\nnpx vitest run test/docs.test.ts'],
  ] as const)('pass if all that they name exists: %s: %s', ([kind, text]) => {
    expect(() => checkAtDesk(kind, text, [directory(), root])).not.toThrow();
  });

  it.for([
    ['sh docker', 'docker build . --build-arg SVC_ROOT=src', 'has no ARG SVC_ROOT'],
    ['sh docker', 'docker build -f Other ./src', 'there is no Other'],
    ['sh docker', "docker build --build-arg B=1 -f - . <<< 'ARG A'", 'has no ARG B'],
    ['sh docker', 'docker build nowhere', 'there is no context nowhere'],
    ['sh docker', 'docker run --env-file=.env.none shop', 'there is no .env.none'],
    ['sh docker', 'docker compose up -d', 'there is no compose.yaml'],
    ['sh docker', 'npx svchost', 'is no command of "sh docker"'],
    ['sh docker', '# nothing', 'without a command'],
    ['sh kubernetes', 'kubectl apply -f other.yaml', 'there is no other.yaml'],
    ['sh repository', 'npm run chekc', 'has no script "chekc"'],
    ['sh repository', 'npx vitest run test/none.test.ts', 'there is no test/none.test.ts'],
    ['sh repository', 'npx vitset run', 'vitset is not installed'],
  ] as const)('fail if something is missing: %s: %s', ([kind, text, problem]) => {
    expect(() => checkAtDesk(kind, text, [directory(), root])).toThrow(problem);
  });
});

describe('lines of commands', () => {
  it('are hosts, which keep running, or commands, which end with an exit code', () => {
    const text =
      '# first\nnpx svchost\nCONCURRENCY=10 npx svchost --dir a\nnpx svchost  # exit code 0\n\n' +
      'npx svchost check # exit code 78\nnpx svchost send \\\n  1\nnpx svchost run --once\ncd a && npm install\nnpx fauxqs\n';
    expect(commandLines(text).map(({ command, kind, code }) => [kind, code, command])).toEqual([
      ['host', 0, 'npx svchost'],
      ['host', 0, 'CONCURRENCY=10 npx svchost --dir a'],
      ['command', 0, 'npx svchost'],
      ['command', 78, 'npx svchost check'],
      ['command', 0, 'npx svchost send   1'],
      ['command', 0, 'npx svchost run --once'],
      ['cd', 0, 'a'],
      ['install', 0, 'npm install'],
      ['sqs', 0, 'npx fauxqs'],
    ]);
  });
});

describe('the names of queues', () => {
  it("become this run's own, with the suffixes of svchost, and nothing else changes", () => {
    const { rename, queues } = ownNames([{ OrderServiceProcessor_QUEUE_NAME: 'orders' }]);
    const [own] = queues;
    expect(own).toMatch(/^[0-9a-f]{8}_orders$/);
    expect(rename('OrderServiceProcessor_QUEUE_NAME=orders\n--queue orders_dead orders.json reorders')).toBe(
      `OrderServiceProcessor_QUEUE_NAME=${own}\n--queue ${own}_dead orders.json reorders`,
    );
    expect(queues).toContain(`${own}_retry_1000`);
  });

  it('are renamed by their prefix if there is one', () => {
    const { rename, queues } = ownNames([{ QUEUE_NAME_PREFIX: 'CST_SERVICE_', A_QUEUE_NAME: 'test_queue' }]);
    expect(rename('QUEUE_NAME_PREFIX="CST_SERVICE_"\nA_QUEUE_NAME=test_queue')).toMatch(
      /^QUEUE_NAME_PREFIX="[0-9a-f]{8}_CST_SERVICE_"\nA_QUEUE_NAME=test_queue$/,
    );
    expect(rename('CST_SERVICE_test_queue_dead')).toBe(`${queues[0]}_dead`);
  });
});
