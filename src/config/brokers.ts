// The brokers that svchost knows. A further one is a line here, a line in messaging/open.ts, and its two places:
// config/broker/<name>.ts and messaging/<name>/.
import { nats } from './broker/nats.ts';
import { rabbitMq } from './broker/rabbitmq.ts';
import { sqlite } from './broker/sqlite.ts';
import { sqs } from './broker/sqs.ts';

/** Every broker by its value of MESSAGING_TYPE, in the order of the docs. */
export const brokers = {
  RabbitMqConnection: rabbitMq,
  SqsConnection: sqs,
  NatsConnection: nats,
  SqliteConnection: sqlite,
} as const;

/** A value of MESSAGING_TYPE. */
export type MessagingType = keyof typeof brokers;

/** The settings of one of the brokers. */
export type MessagingSettings = ReturnType<(typeof brokers)[MessagingType]['read']>['settings'];

/** Used if MESSAGING_TYPE is not set, but never in production. */
export const defaultType = 'SqliteConnection' satisfies MessagingType;

/** The values of MESSAGING_TYPE. */
export const messagingTypes = Object.keys(brokers) as MessagingType[];
