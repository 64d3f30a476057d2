// NatsConnection keeps the contract, against a real NATS.
import { describeAdapterContract } from './contract.ts';
import { natsHarness } from './nats/harness.ts';

describeAdapterContract('NatsConnection', natsHarness());
