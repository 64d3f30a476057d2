// The contract that every message adapter must keep, as one suite for any broker: a harness supplies the broker, and
// its Capabilities say which features it lacks. The tests are in contract/.
import { describe } from 'vitest';
import { useBroker } from './contract/broker.ts';
import { describeClock } from './contract/clock.ts';
import { describeContent } from './contract/content.ts';
import { describeDelivering } from './contract/delivering.ts';
import { describeEnding } from './contract/ending.ts';
import { describeFuzz } from './contract/fuzz.ts';
import type { AdapterHarness } from './contract/harness.ts';
import { describeReporting } from './contract/reporting.ts';
import { describeSending } from './contract/sending.ts';
import { describeSettling } from './contract/settling.ts';

export type { AdapterHarness } from './contract/harness.ts';

/** Declares the suite for one adapter. */
export function describeAdapterContract(name: string, harness: AdapterHarness): void {
  describe(`${name} keeps the adapter contract:`, () => {
    const broker = useBroker(harness);
    describe('sending', () => describeSending(broker));
    describe('bodies and headers', () => describeContent(broker));
    describe('random bodies and headers', () => describeFuzz(broker));
    describe('delivering', () => describeDelivering(broker));
    describe('settling', () => describeSettling(broker));
    describe('ending', () => describeEnding(broker));
    describe('reporting', () => describeReporting(broker));
    describe('clocks', () => describeClock(broker));
  });
}
