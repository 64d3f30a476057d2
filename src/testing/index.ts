// The testing kit, published as rococo-svchost/testing.
export { runOnce, type RunOnceOptions } from './once.ts';
export {
  runMessages,
  startTestService,
  TestService,
  type DeadLetter,
  type DeliveryResult,
  type SentMessage,
  type TestRun,
  type TestServiceOptions,
} from './service.ts';
