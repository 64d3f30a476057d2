// The statements read no more rows than they need, whatever the length of the queue.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Database } from '../../../src/messaging/sqlite/database.ts';
import { MessageStore } from '../../../src/messaging/sqlite/store.ts';

describe('The statements on messages', () => {
  it('find their rows by an index, and sort none', () => {
    const database = new Database(':memory:');
    onTestFinished(() => database.close());
    const prepare = vi.spyOn(database.handle, 'prepare');
    new MessageStore(database);
    const statements = prepare.mock.calls.map(([sql]) => sql);
    expect(statements.length).toBeGreaterThan(10);
    for (const sql of statements) {
      const plan = database.handle
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail));
      expect
        .soft(
          plan.filter((step) => /^SCAN|TEMP B-TREE/.test(step)),
          sql,
        )
        .toEqual([]);
    }
  });
});
