// EXIT_WHEN_FINISHED: when a queue counts as finished, on a test clock; and hosts that end by it, in real time.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConsumeConfigFile } from '../../../src/config/consume-config.ts';
import { watchForFinish } from '../../../src/service/delivery/finish.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { expectEmpty, rabbitMqBroker, sqliteBroker, type TestBroker } from '../broker.ts';
import { linesOf, makeService, ordersOf } from '../service-directory.ts';

const rabbitMq = rabbitMqBroker();
const sqlite = sqliteBroker();

describe('a queue is finished', () => {
  /** Watches a queue that the test describes. */
  function watch(content = 'EXIT_WHEN_FINISHED=1') {
    const directory = mkdtempSync(join(tmpdir(), 'svchost-finish-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'consume.env');
    writeFileSync(file, content);
    const clock = new TestClock();
    const state = { waiting: 0, fails: false, hangs: false, size: 0, accepted: 0, finished: 0 };
    const stop = watchForFinish({
      config: new ConsumeConfigFile({ path: file, broker: 'SqliteConnection', onWarning: () => undefined }),
      countWaiting: () => {
        if (state.hangs) return new Promise(() => undefined);
        return state.fails ? Promise.reject(new Error('no connection')) : Promise.resolve(state.waiting);
      },
      work: state,
      clock,
      onCountFailed: () => undefined,
      onFinished: () => state.finished++,
    });
    return { clock, state, stop, file };
  }

  it('after five quiet seconds from the first look, and not before; reported once', async () => {
    const { clock, state } = watch();
    await clock.advance(1000 + 4999);
    expect(state.finished).toBe(0);
    await clock.advance(1);
    expect(state.finished).toBe(1);
    await clock.advance(60_000);
    expect(state.finished).toBe(1);
  });

  it.for<[string, (state: ReturnType<typeof watch>['state']) => void]>([
    ['while messages wait, or wait for a retry', (state) => (state.waiting = 1)],
    ['while a message is in flight', (state) => (state.size = 1)],
    ['while the broker cannot be asked', (state) => (state.fails = true)],
  ])('not %s; then five quiet seconds later', async ([, disturb]) => {
    const { clock, state } = watch();
    await clock.advance(4000);
    disturb(state);
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
    Object.assign(state, { waiting: 0, size: 0, fails: false });
    await clock.advance(1000 + 4999);
    expect(state.finished).toBe(0);
    await clock.advance(1);
    expect(state.finished).toBe(1);
  });

  it('not when a message came and went between two looks', async () => {
    const { clock, state } = watch();
    for (let second = 0; second < 30; second += 4) {
      await clock.advance(4000);
      state.accepted++;
    }
    expect(state.finished).toBe(0);
    // One look to notice the last message, the next to find it quiet.
    await clock.advance(2000 + 5000);
    expect(state.finished).toBe(1);
  });

  it('not while the broker does not answer, and it is not asked again meanwhile', async () => {
    const { clock, state } = watch();
    state.hangs = true;
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
    expect(clock.waits).toEqual([]);
  });

  it('only when the config asks for it, which may be later', async () => {
    const { clock, state, file } = watch('EXIT_WHEN_FINISHED=0');
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
    writeFileSync(file, 'EXIT_WHEN_FINISHED=yes # now');
    await clock.advance(1000 + 5000);
    expect(state.finished).toBe(1);
  });

  it('no longer when the config withdraws it within the five seconds', async () => {
    const { clock, state, file } = watch();
    await clock.advance(4000);
    rmSync(file);
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
  });

  it('never after the watch was stopped', async () => {
    const { clock, state, stop } = watch();
    await clock.advance(5000);
    stop();
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
    expect(clock.waits).toEqual([]);
  });

  it('not while its config cannot be read, which ends nothing', async () => {
    const { clock, state, file } = watch();
    rmSync(file);
    // Too many levels of links: stat fails.
    symlinkSync(file, file);
    await clock.advance(60_000);
    expect(state.finished).toBe(0);
    rmSync(file);
    writeFileSync(file, 'EXIT_WHEN_FINISHED=1');
    await clock.advance(1000 + 5000);
    expect(state.finished).toBe(1);
  });
});

describe('a host with EXIT_WHEN_FINISHED', () => {
  it('set while it runs, ends with 0 once the queue is empty, on RabbitMQ and on SQLite', async () => {
    // Both at the same time, since it takes a while.
    await Promise.all([rabbitMq, sqlite].map(endByItself));
  });

  it('ends with 75 if messages are left that cannot be moved, and says how many', async () => {
    const service = await makeService(rabbitMq);
    const file = join(service.directory, 'consume.env');
    await writeFile(file, 'EXIT_WHEN_FINISHED=1\n');
    const channel = await rabbitMq.control.createConfirmChannel();
    await channel.assertQueue(`${service.queue}_dead`, { maxLength: 1, overflow: 'reject-publish' });
    channel.sendToQueue(`${service.queue}_dead`, Buffer.from('"in the way"'));
    await channel.waitForConfirms();
    await channel.close();
    await rabbitMq.put(service.queue, Buffer.from('not JSON'));
    await service.put({ act: 'note', id: '1' });
    const host = await service.startConsuming({ CONSUME_CONFIG_FILE_PATH: file });
    expect(await host.exited).toEqual({ code: 75, signal: null });
    expect(linesOf(host, 'draining')).toMatchObject([
      { cause: 'finished: the queue is empty; messages that cannot be moved: 1' },
    ]);
    expect(linesOf(host, 'stopped')).toMatchObject([{ done: 1, dead: 0, lost: 1, exitCode: 75 }]);
    expect(await rabbitMq.count(service.queue)).toBe(1);
  });

  async function endByItself(broker: TestBroker): Promise<void> {
    const service = await makeService(broker);
    const file = join(service.directory, 'consume.env');
    await service.put({ act: 'note', id: '1' }, { act: 'fail once', id: '2' });
    // The retry comes later than the five quiet seconds after which the host would end.
    const host = await service.startConsuming({ CONSUME_CONFIG_FILE_PATH: file, RETRY_INITIAL_DELAY: '6' });
    await writeFile(file, 'EXIT_WHEN_FINISHED=1\n');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(ordersOf(host, 'finished')).toEqual(['1', '2']);
    expect(linesOf(host, 'draining')).toMatchObject([{ cause: 'finished: the queue is empty' }]);
    const last = linesOf(host, 'finished').at(-1);
    const [draining] = linesOf(host, 'draining');
    expect(Number(draining!['time']) - Number(last!['time'])).toBeGreaterThanOrEqual(5000);
    await expectEmpty(broker, service.queue);
  }
});
