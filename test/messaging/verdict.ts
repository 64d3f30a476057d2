// The verdict on a kind of queue, as the service, `check --connect` and the table of the docs must show it.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { CommandResult } from '../support/command.ts';

/** How a kind of queue serves; without limit and refusal, it serves. */
export interface Verdict {
  /** The kind, as the docs name it. */
  readonly name: string;
  /** Part of the warning, if it serves with a limit. */
  readonly limit?: string;
  /** Part of the refusal. */
  readonly refusal?: string;
}

/** Consumes the queue, which must be refused with 69. */
export async function expectRefused(adapter: MessageAdapter, queue: string, refusal: string): Promise<void> {
  const consuming = adapter.consumeMessages(queue, () => undefined, {
    concurrency: 1,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: () => undefined,
  });
  await expect(consuming).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringContaining(refusal) as string,
  });
}

/** Expects the verdict in what `check --connect` has printed. */
export function expectShown({ code, stdout }: CommandResult, { limit, refusal }: Verdict): void {
  expect(stdout).toContain(refusal ?? limit ?? 'ok');
  expect(code).toBe(refusal === undefined ? 0 : 69);
  if (refusal === undefined && limit === undefined) expect(stdout).not.toContain('warning');
}

/** Expects the verdict in the table of a page in `docs/`. */
export function expectInTable(page: string, { name, limit, refusal }: Verdict): void {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const row = text.split('\n').find((line) => line.startsWith(`| ${name} `));
  expect(row).toContain(refusal ? '| refused' : limit ? '| served, but' : '| served ');
}
