// The testing kit, published as rococo-svchost/testing.
export { runOnce, type RunOnceOptions } from './once.ts';
export type { SentMessage } from './queue.ts';
export type { DeadLetter, DeliveryResult, TestRun } from './result.ts';
export { runMessages, startTestService, TestService, type TestServiceOptions } from './service.ts';
