// Suspects: who they are, how they run alone, and when one is guilty. On a test clock, with a journal on disk.
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import type { Capabilities } from '../../../src/messaging/capability.ts';
import { DiskJournal } from '../../../src/service/delivery/disk-journal.ts';
import { Floor } from '../../../src/service/delivery/floor.ts';
import { Suspects } from '../../../src/service/delivery/suspect.ts';
import { ServiceEvents, type ServiceEvent } from '../../../src/service/events.ts';
import { TestClock } from '../../../src/testing/clock.ts';

function delivery(facts: Partial<Delivery> = {}): Delivery {
  return {
    messageId: 'id-1',
    body: Buffer.from('1'),
    headers: {},
    attempt: 1,
    crashes: 0,
    redelivered: false,
    enqueuedAt: new Date(0),
    replyTo: undefined,
    correlationId: undefined,
    lost: new AbortController().signal,
    settle: () => Promise.resolve(true),
    ...facts,
  };
}

async function journalDirectory(): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), 'svchost-journal-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return path.join(parent, 'crashes');
}

const always = () => true;

const kinds = {
  counting: { countsCrashes: true, countsEveryDelivery: false, journalsCrashes: false },
  classic: { countsCrashes: false, countsEveryDelivery: false, journalsCrashes: true },
  sqs: { countsCrashes: false, countsEveryDelivery: true, journalsCrashes: false },
} satisfies Record<string, Partial<Capabilities>>;

async function setUp(kind: keyof typeof kinds = 'counting', concurrency = 5, directory?: string) {
  const clock = new TestClock();
  const floor = new Floor(clock);
  const member = {
    running: 1,
    resumed: 0,
    resume: () => {
      member.resumed++;
    },
  };
  floor.join(member);
  const events: ServiceEvent[] = [];
  const seam = new ServiceEvents();
  seam.listen((event) => {
    events.push(event);
  });
  const suspects = new Suspects({
    capabilities: kinds[kind],
    queueName: 'orders',
    journal: new DiskJournal(directory ?? (await journalDirectory())),
    floor,
    concurrency,
    maxAttempts: 5,
    crashMaxDeliveries: 3,
    clock,
    events: seam,
  });
  return { clock, floor, member, events, suspects };
}

describe('a delivery is a suspect', () => {
  it.for<[keyof typeof kinds, string, Partial<Delivery>, boolean]>([
    ['counting', 'that no host has died on', {}, false],
    ['counting', 'that was requeued', { redelivered: true }, false],
    ['counting', 'that a host has died on', { redelivered: true, crashes: 1 }, true],
    ['classic', 'that is the first', {}, false],
    ['classic', 'that was delivered before', { redelivered: true }, true],
    ['sqs', 'at its last attempt', { redelivered: true, attempt: 5 }, false],
    ['sqs', 'beyond its last attempt', { redelivered: true, attempt: 6 }, true],
  ])('or not, on a broker of the kind %s: one %s', async ([kind, , facts, expected]) => {
    const { suspects } = await setUp(kind);
    const each = delivery(facts);
    expect(suspects.mayBeSuspect(each) && suspects.isSuspect(each)).toBe(expected);
  });

  it('not if it was lost with a connection that this host survived; but the time after, it is', async () => {
    const { suspects } = await setUp('classic');
    const again = delivery({ redelivered: true });
    suspects.survived(delivery());
    expect([suspects.isSuspect(again), suspects.isSuspect(again)]).toEqual([false, true]);
  });
});

describe('a suspect', () => {
  it('waits for the others to end, keeps new ones from starting, and then lets them start', async () => {
    const { clock, floor, member, suspects, events } = await setUp();
    member.running = 3;
    const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers();
    let hasBegun = false;
    const ended = suspects.runAlone(delivery(), always, () => {
      hasBegun = true;
      return promise;
    });
    expect(floor.isOpen).toBe(false);
    await clock.advance(5_000);
    expect(hasBegun).toBe(false);
    member.running = 1;
    floor.left();
    await expect.poll(() => hasBegun).toBe(true);
    expect(floor.isOpen).toBe(false);
    resolve();
    await ended;
    expect([floor.isOpen, member.resumed]).toEqual([true, 1]);
    expect(events).toMatchObject([{ kind: 'delivery-isolated', isAlone: true, deaths: 0 }]);
  });

  it('waits for ten seconds at most, and holds the others up for ten at most', async () => {
    const { clock, floor, member, suspects, events } = await setUp();
    member.running = 2;
    const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers();
    const ended = suspects.runAlone(delivery(), always, () => promise);
    await clock.advance(10_000);
    expect(events).toMatchObject([{ isAlone: false, deaths: 0 }]);
    expect(floor.isOpen).toBe(false);
    await clock.advance(10_000);
    expect(floor.isOpen).toBe(true);
    resolve();
    await ended;
  });

  it('is guilty once its host has died as often as it was started alone, counted from host to host', async () => {
    const directory = await journalDirectory();
    const deaths: number[] = [];
    for (let host = 0; host < 4; host++) {
      const { suspects } = await setUp('counting', 5, directory);
      // The host dies: the run never ends.
      void suspects.runAlone(delivery({ crashes: 1 }), always, (count) => {
        deaths.push(count);
        return new Promise(() => undefined);
      });
      await expect.poll(() => deaths.length).toBe(host + 1);
    }
    expect(deaths).toEqual([0, 1, 2, 3]);
  });

  it('is cleared by its end, whatever its outcome', async () => {
    const directory = await journalDirectory();
    const deaths: number[] = [];
    for (let host = 0; host < 3; host++) {
      const { suspects } = await setUp('counting', 5, directory);
      const ended = suspects.runAlone(delivery({ crashes: 1 }), always, (count) => {
        deaths.push(count);
        return host === 1 ? Promise.reject(new Error('no')) : Promise.resolve();
      });
      await ended.catch(() => undefined);
      await expect.poll(() => readdir(directory)).toEqual([]);
    }
    expect(deaths).toEqual([0, 0, 0]);
  });

  it('that is not wanted any more when its turn comes is ended without a note', async () => {
    const directory = await journalDirectory();
    const { suspects, events } = await setUp('counting', 5, directory);
    await suspects.runAlone(
      delivery({ crashes: 1 }),
      () => false,
      () => Promise.resolve(),
    );
    expect(events).toEqual([]);
    await expect(readdir(directory)).rejects.toThrow('ENOENT');
  });

  it('was alone the first time as well, at concurrency 1', async () => {
    const { suspects } = await setUp('counting', 1);
    let deaths: number | undefined;
    await suspects.runAlone(delivery({ crashes: 1 }), always, (count) => {
      deaths = count;
      return Promise.resolve();
    });
    expect(deaths).toBe(1);
  });

  it.for<[keyof typeof kinds, Partial<Delivery>]>([
    ['counting', { crashes: 30 }],
    ['sqs', { attempt: 36 }],
  ])(
    'is guilty of 30 deaths even if every journal was lost, on a broker that counts: %s',
    async ([kind, facts]) => {
      const { suspects } = await setUp(kind);
      let deaths: number | undefined;
      await suspects.runAlone(delivery(facts), always, (count) => {
        deaths = count;
        return Promise.resolve();
      });
      expect(deaths).toBe(30);
    },
  );

  it('runs, with a warning, if the journal cannot be written', async () => {
    const directory = await journalDirectory();
    await symlink('/nowhere/else', directory);
    const { suspects, events } = await setUp('counting', 5, directory);
    let hasRun = false;
    await suspects.runAlone(delivery({ crashes: 1 }), always, () => {
      hasRun = true;
      return Promise.resolve();
    });
    expect(hasRun).toBe(true);
    expect(events[0]).toMatchObject({ kind: 'crash-journal-failed', queue: 'orders' });
  });
});

describe('the journal on disk', () => {
  it('is readable by its owner only', async () => {
    const directory = await journalDirectory();
    await new DiskJournal(directory).noteStart('orders', 'a1');
    const [file] = await readdir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(path.join(directory, file!))).mode & 0o777).toBe(0o600);
  });

  it('forgets after a day', async () => {
    const directory = await journalDirectory();
    const journal = new DiskJournal(directory);
    expect([await journal.noteStart('orders', 'a1'), await journal.noteStart('orders', 'a1')]).toEqual([
      0, 1,
    ]);
    const [file] = await readdir(directory);
    const dayBefore = new Date(Date.now() - 25 * 3_600_000);
    await utimes(path.join(directory, file!), dayBefore, dayBefore);
    expect(await journal.noteStart('orders', 'a1')).toBe(0);
  });

  it('tells queues and messages apart', async () => {
    const journal = new DiskJournal(await journalDirectory());
    await journal.noteStart('orders', 'a1');
    expect([await journal.noteStart('orders', 'b2'), await journal.noteStart('mails', 'a1')]).toEqual([0, 0]);
  });

  it('does not write into a directory that is a link, or that another user made', async () => {
    const directory = await journalDirectory();
    const target = `${directory}-target`;
    await mkdir(target);
    await symlink(target, directory);
    await expect(new DiskJournal(directory).noteStart('orders', 'a1')).rejects.toThrow(
      'not a directory of this user',
    );
    expect(await readdir(target)).toEqual([]);
  });
});
