// docs/operations.md lists the lines that the host writes for its events, each at its level.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

it('docs/operations.md lists every log line of an event, at its level', () => {
  const written = linesOf(readFileSync(path.join(root, 'src/service/event-log.ts'), 'utf8'));
  expect(written.length).toBeGreaterThan(30);
  const page = readFileSync(path.join(root, 'docs/operations.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (`.*`) +\| (\w+) +\|/gm)].flatMap(([, texts, level]) =>
    [...texts!.matchAll(/`([^`]+)`/g)].map(([, text]) => `${level} ${text}`),
  );
  expect(written.filter((line) => !listed.includes(line))).toEqual([]);
});

/** The lines in the source of the log: `level text`, with `…` for what is filled in. */
function linesOf(source: string): string[] {
  const calls = [...source.matchAll(/log\.(\w+)\((?:\{|\w+,|[^)]*?\n)[\s\S]*?\);/g)].flatMap(
    ([call, level]) => literalsIn(call).map((text) => `${level} ${text}`),
  );
  const brokerLines = [...source.matchAll(/\['(info|warn|error)', (.*)\],$/gm)].flatMap(([, level, text]) =>
    literalsIn(text!).map((literal) => `${level} ${literal}`),
  );
  const reconnected =
    /'(reconnected)'/
      .exec(source)
      ?.slice(1)
      .map((text) => `info ${text}`) ?? [];
  return [...calls, ...brokerLines, ...reconnected];
}

function literalsIn(code: string): string[] {
  return [...code.matchAll(/'([^']+)'|"([^"]+)"|`([^`]+)`/g)].map(([, single, double, template]) =>
    (single ?? double ?? template!).replaceAll(/\$\{.*?\}/g, '…'),
  );
}
