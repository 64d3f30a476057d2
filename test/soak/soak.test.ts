// The short form of the soaks: the long form is `npm run soak`, see CONTRIBUTING.md.
import { expect, it } from 'vitest';
import { prepareOwnBroker } from '../support/own-broker.ts';
import { soakSchedule } from './schedule.ts';
import { soak } from './soak.ts';
import { rabbitMqWorld } from './world/rabbitmq.ts';
import { sqliteWorld } from './world/sqlite.ts';
import { sqsWorld } from './world/sqs.ts';

const short = { seed: 7, durationMs: 10_000, rate: 15, pauseMs: [500, 2000] } as const;

it.each([
  { name: 'the embedded queue', startWorld: sqliteWorld },
  { name: 'SQS', startWorld: sqsWorld },
  {
    name: 'RabbitMQ',
    startWorld: async () => {
      await prepareOwnBroker();
      return rabbitMqWorld('classic');
    },
  },
])(
  'three hosts on $name lose, keep and blame nothing that is not theirs',
  { timeout: 300_000 },
  async ({ startWorld }) => {
    const result = await soak({ ...short, startWorld });
    expect(result).toMatchObject({ clean: true });
    expect(result.account.processed).toBeGreaterThan(100);
    expect(result.account.dead).toBeGreaterThan(0);
  },
);

it('three replicas of a schedule run each occurrence once', { timeout: 300_000 }, async () => {
  const result = await soakSchedule({ ...short, startWorld: sqliteWorld });
  expect(result).toMatchObject({ clean: true, repeated: [] });
});
