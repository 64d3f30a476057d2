// From a resolved service to one that can be run: opens its broker, constructs its processor, and connects the two.
import { systemClock } from '../clock.ts';
import { ConsumeConfigFile } from '../config/consume-config.ts';
import { scheduleName } from '../config/queue-name.ts';
import type { Settings } from '../config/settings.ts';
import { ProcessorError, toError, UnsupportedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { openAdapter } from '../messaging/open.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import type { LoadedProcessor } from '../processor/loader.ts';
import type { HostedProcessor } from '../processor/processor.ts';
import { MessageService } from '../service/message-service.ts';
import { ScheduleService, type SharedSchedule } from '../service/schedule-service.ts';
import type { MessageResolution, ScheduleResolution } from './resolution.ts';

/** How a service is run: until it is stopped, or `once`, now, instead of on its schedule. */
export type RunMode = 'service' | 'once';

/** A service as the host runs it, whatever drives it. */
export type Service = Pick<MessageService, 'run' | 'stop' | 'crash'>;

/** The loggers of a host. */
export interface HostLogs {
  /** The parent of all of them. */
  readonly root: Logger;
  /** For the host's own lines. */
  readonly host: Logger;
}

/**
 * Opens a service that messages drive; nothing is connected yet.
 *
 * @throws ProcessorError the processor's constructor threw
 */
export async function openMessageService(
  { settings, service, processor, queues }: MessageResolution,
  logs: HostLogs,
): Promise<Service> {
  const { consumeConfigPath, messaging } = settings;
  return new MessageService({
    ...queues,
    ...commonOptions(settings, service, logs),
    adapter: await openServiceBroker(settings, service, logs),
    processor: createProcessor(processor),
    schema: processor.processorClass.schema,
    concurrency: settings.concurrency,
    retry: settings.retry,
    consumeConfig:
      consumeConfigPath === undefined
        ? undefined
        : new ConsumeConfigFile(consumeConfigPath, messaging.type, (message) => logs.host.warn(message)),
  });
}

/**
 * Opens a service that a schedule drives; nothing is connected yet.
 *
 * @param mode `once` uses neither the schedule nor the broker that replicas share
 * @throws ProcessorError the processor's constructor threw
 * @throws UnsupportedError replicas are to share the schedule, and the broker cannot do that
 */
export async function openScheduleService(
  { settings, service, processor, schedule }: ScheduleResolution,
  mode: RunMode,
  logs: HostLogs,
): Promise<Service> {
  const isShared = mode === 'service' && settings.schedule.replicas === 'once';
  return new ScheduleService({
    ...commonOptions(settings, service, logs),
    schedule,
    mode: mode === 'once' ? 'once' : 'schedule',
    runAtStartup: settings.schedule.runAtStartup,
    shared: isShared ? await openShared(settings, service, logs) : undefined,
    processor: createProcessor(processor),
  });
}

/** What every service is constructed with. */
function commonOptions(settings: Settings, service: ServiceDirectory, logs: HostLogs) {
  return {
    processTimeoutMs: settings.processTimeoutMs,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    clock: systemClock,
    log: logs.host,
    processorLog: logs.root.child({ name: service.name }),
  };
}

async function openServiceBroker(
  { messaging }: Settings,
  { name, version }: ServiceDirectory,
  logs: HostLogs,
): Promise<MessageAdapter> {
  const context = { connectionName: `${name}@${version}`, log: logs.host, clock: systemClock };
  return await openAdapter(messaging, context);
}

async function openShared(
  settings: Settings,
  service: ServiceDirectory,
  logs: HostLogs,
): Promise<SharedSchedule> {
  const adapter = await openServiceBroker(settings, service, logs);
  const claimOccurrence = adapter.claimOccurrence?.bind(adapter);
  if (!claimOccurrence) throw new UnsupportedError(`${adapter.address} cannot share a schedule`);
  const name = scheduleName(settings.queueNamePrefix, service.name);
  return { adapter, claim: async (occurrence) => await claimOccurrence(name, occurrence) };
}

function createProcessor({ processorClass, module, type }: LoadedProcessor): HostedProcessor {
  try {
    return new processorClass();
  } catch (cause) {
    throw new ProcessorError(`new ${type}() of ${module} failed: ${toError(cause).message}`, { cause });
  }
}
