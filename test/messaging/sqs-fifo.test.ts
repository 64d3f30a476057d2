// SqsConnection keeps the contract with FIFO queues, over HTTP against an SQS server.
import { describeAdapterContract } from './contract.ts';
import { sqsHarness } from './sqs/harness.ts';

describeAdapterContract('SqsConnection with FIFO queues', sqsHarness('.fifo'));
