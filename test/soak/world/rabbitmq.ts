// A RabbitMQ node, and a relay between it and the hosts: the node dies, pauses and raises alarms, the network breaks.
import { RabbitMqConnection } from '../../../src/messaging/rabbitmq/connection.ts';
import { brokerOptions, browse } from '../../messaging/rabbitmq/harness.ts';
import { testContext } from '../../support/context.ts';
import { handshake } from '../../support/handshake.ts';
import { startOwnBroker, type OwnBroker } from '../../support/own-broker.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import type { Fault } from '../plan.ts';
import { atOnce, between, type World } from '../world.ts';

/** A node that a soak may kill. */
export type SoakBroker = Pick<
  OwnBroker,
  'url' | 'ctl' | 'kill' | 'stop' | 'start' | 'pause' | 'resume' | 'close'
>;

/** @param startBroker default: a node of the installed RabbitMQ */
export async function rabbitMqWorld(
  queueType: 'classic' | 'quorum',
  startBroker: () => Promise<SoakBroker> = startOwnBroker,
): Promise<World> {
  const broker = await startBroker();
  const relay = await startRelay(Number(new URL(broker.url).port || 5672));
  const { product, version } = await handshake(broker.url);
  const viaRelay = new URL(broker.url);
  viaRelay.host = `127.0.0.1:${relay.port}`;
  const envTo = (url: string) => ({
    MESSAGING_TYPE: 'RabbitMqConnection',
    RABBITMQ_URL: url,
    RABBITMQ_HEARTBEAT: '2',
    RABBITMQ_QUEUE_TYPE: queueType,
  });
  return {
    name: `rabbitmq-${queueType}`,
    description: `${product} ${version}`,
    env: envTo(viaRelay.href),
    senderEnv: envTo(broker.url),
    faults: [...networkFaults(relay), ...brokerFaults(broker)],
    adapter: () =>
      new RabbitMqConnection(brokerOptions(broker.url, { queueType, heartbeatS: 2 }), testContext()),
    browse: (queueName) => browse(broker.url, queueName),
    async [Symbol.asyncDispose]() {
      await relay.close();
      await broker.close();
    },
  };
}

function networkFaults(relay: Relay): Fault[] {
  return [
    { name: 'connections reset', begin: atOnce(() => relay.reset()) },
    {
      name: 'connection cut in a frame',
      begin: (_, random) => {
        relay.cutAfter(random.between(1, 5000));
        return Promise.resolve(() => undefined);
      },
    },
    {
      name: 'connections half open',
      lastsMs: [500, 9000],
      begin: between(
        () => relay.freeze(),
        () => relay.thaw(),
      ),
    },
    {
      name: 'connections refused',
      lastsMs: [500, 6000],
      begin: between(
        async () => {
          await relay.refuse();
          relay.reset();
        },
        () => relay.accept(),
      ),
    },
  ];
}

function brokerFaults(broker: SoakBroker): Fault[] {
  return [
    {
      name: 'broker killed',
      lastsMs: [0, 3000],
      begin: between(
        () => broker.kill(),
        () => broker.start(),
      ),
    },
    {
      name: 'broker restarted',
      lastsMs: [0, 3000],
      begin: between(
        () => broker.stop(),
        () => broker.start(),
      ),
    },
    {
      name: 'broker paused',
      lastsMs: [500, 9000],
      begin: between(
        () => broker.pause(),
        () => broker.resume(),
      ),
    },
    {
      name: 'memory alarm',
      lastsMs: [500, 6000],
      begin: between(
        () => broker.ctl('set_vm_memory_high_watermark', '0.0000001'),
        () => broker.ctl('set_vm_memory_high_watermark', '0.4'),
      ),
    },
    {
      name: 'disk alarm',
      lastsMs: [500, 6000],
      begin: between(
        () => broker.ctl('set_disk_free_limit', '1000000GB'),
        () => broker.ctl('set_disk_free_limit', '1MB'),
      ),
    },
  ];
}
