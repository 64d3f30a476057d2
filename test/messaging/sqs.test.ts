// SqsConnection keeps the contract, over HTTP against an SQS server.
import { describeAdapterContract } from './contract.ts';
import { sqsHarness } from './sqs/harness.ts';

describeAdapterContract('SqsConnection', sqsHarness(''));
