// RabbitMqConnection keeps the contract, against a real RabbitMQ.
import { describeAdapterContract } from './contract.ts';
import { rabbitMqHarness } from './rabbitmq/harness.ts';

describeAdapterContract('RabbitMqConnection', rabbitMqHarness());
describeAdapterContract('RabbitMqConnection with quorum queues', rabbitMqHarness({ queueType: 'quorum' }));
