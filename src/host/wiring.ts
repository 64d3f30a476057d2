// Makes a runnable service from a resolved one: opens its broker, constructs its processor, and connects the two.
import { systemClock } from '../clock.ts';
import { ConsumeConfigFile } from '../config/consume-config.ts';
import { scheduleName } from '../config/queue-name.ts';
import type { Settings } from '../config/settings.ts';
import { ConfigurationError, ProcessorError, toError, UnsupportedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { isClaiming } from '../messaging/capability.ts';
import { openAdapter } from '../messaging/open.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import type { LoadedProcessor } from '../processor/loader.ts';
import type { HostedProcessor } from '../processor/processor.ts';
import { logEvents } from '../service/event-log.ts';
import { ServiceEvents } from '../service/events.ts';
import { createMessageService, type QueueOptions } from '../service/message-service.ts';
import { createScheduleService, type SharedSchedule } from '../service/schedule-service.ts';
import type { Service } from '../service/service.ts';
import { describeThrown } from '../thrown.ts';
import { LazySender } from './lazy-sender.ts';
import type { MessageResolution, ScheduleResolution } from './resolution.ts';
import { announceWaits } from './waits.ts';

/** How a service is run: until it is stopped, or `once`, now, instead of on its schedule. */
export type RunMode = 'service' | 'once';

/**
 * How long a service keeps trying to connect though it is refused, in milliseconds: its user may be created by the same
 * deployment.
 */
const refusalPatienceMs = 5_000;

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
 * @throws ConfigurationError the broker's driver is not installed
 * @throws ProcessorError the processor's constructor threw
 */
export async function openMessageService(
  { settings, service, bound }: MessageResolution,
  logs: HostLogs,
): Promise<Service> {
  const { consumeConfigPath, messaging } = settings;
  const common = commonOptions(settings, service, logs);
  const instances: HostedProcessor[] = [];
  const queues = bound.map(({ processor, queues: names, policy }): QueueOptions => {
    const instance = createProcessor(processor);
    instances.push(instance);
    const { schema } = processor.processor;
    return { ...policy, ...names, process: instance.process.bind(instance), schema };
  });
  const adapter = await openServiceBroker(settings, service, { events: common.events, logs });
  return announcing(
    adapter.address,
    common.events,
    createMessageService({
      ...common,
      adapter,
      processor: together(instances),
      queues,
      consumeConfig:
        consumeConfigPath === undefined
          ? undefined
          : new ConsumeConfigFile({
              path: consumeConfigPath,
              broker: messaging.type,
              onWarning: (message) => logs.host.warn(message),
            }),
    }),
  );
}

/**
 * Opens a service that a schedule drives; nothing is connected yet.
 *
 * @param mode `once` uses neither the schedule nor the claims of its replicas
 * @throws ConfigurationError replicas share the schedule, but the broker's driver is not installed
 * @throws ProcessorError the processor's constructor threw
 * @throws UnsupportedError replicas share the schedule, but the broker cannot do that
 */
export async function openScheduleService(
  { settings, service, processor, schedule }: ScheduleResolution,
  mode: RunMode,
  logs: HostLogs,
): Promise<Service> {
  const common = commonOptions(settings, service, logs);
  const open = async () => await openServiceBroker(settings, service, { events: common.events, logs });
  const isShared = mode === 'service' && settings.schedule.replicas === 'once';
  const shared = isShared ? await openShared(settings, service, open) : undefined;
  const sender = new LazySender({ open, clock: systemClock });
  return announcing(
    shared?.adapter.address,
    common.events,
    createScheduleService({
      ...common,
      processTimeoutMs: settings.processTimeoutMs,
      schedule,
      mode: mode === 'once' ? 'once' : 'schedule',
      runAtStartup: settings.schedule.runAtStartup,
      shared,
      adapter: {
        close: async () => {
          await Promise.all([shared?.adapter.close(), sender.close()]);
        },
      },
      send: async (queueName, message) => {
        await sender.send(queueName, message);
      },
      processor: createProcessor(processor),
    }),
  );
}

/** The service, whose waits are announced. */
function announcing(address: string | undefined, events: ServiceEvents, service: Service): Service {
  announceWaits(events, { address, inFlight: () => service.inFlight().length });
  return service;
}

/** The options that every service has; the log is the first listener of its events. */
function commonOptions(settings: Settings, service: ServiceDirectory, { host, root }: HostLogs) {
  const events = new ServiceEvents((thrown) =>
    host.error({ error: describeThrown(thrown) }, 'a listener failed'),
  );
  logEvents(events, host);
  return {
    events,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    clock: systemClock,
    processorLog: root.child({ name: service.name }),
  };
}

/** @throws ConfigurationError the settings do not suffice for a broker, or its driver is not installed */
async function openServiceBroker(
  { messaging, messagingProblems }: Settings,
  { name, version }: ServiceDirectory,
  { events, logs }: { readonly events: ServiceEvents; readonly logs: HostLogs },
): Promise<MessageAdapter> {
  if (messagingProblems.length > 0) throw new ConfigurationError(messagingProblems);
  return await openAdapter(messaging, {
    connectionName: `${name}@${version}`,
    refusalPatienceMs,
    clock: systemClock,
    emit: (event) => events.emit(event),
    log: logs.host,
  });
}

async function openShared(
  settings: Settings,
  service: ServiceDirectory,
  open: () => Promise<MessageAdapter>,
): Promise<SharedSchedule & { readonly adapter: MessageAdapter }> {
  const adapter = await open();
  if (!isClaiming(adapter)) throw new UnsupportedError(`${adapter.address} cannot share a schedule`);
  const name = scheduleName(settings.queueNamePrefix, service.name);
  return { adapter, claim: async (occurrence) => await adapter.claimOccurrence(name, occurrence) };
}

function createProcessor({ processor, module, type }: LoadedProcessor): HostedProcessor {
  try {
    return processor.create();
  } catch (cause) {
    throw new ProcessorError(`new ${type}() of ${module} failed: ${toError(cause).message}`, { cause });
  }
}

/** Starts processors one after the other, and stops them in the opposite order, also those that have not started. */
function together(processors: readonly HostedProcessor[]): Pick<HostedProcessor, 'start' | 'stop'> {
  const [only, ...others] = processors;
  if (only && others.length === 0) return only;
  return {
    start: async () => {
      for (const each of processors) await each.start?.();
    },
    stop: async () => {
      const errors: unknown[] = [];
      for (const each of [...processors].reverse()) {
        try {
          await each.stop?.();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length === 1) throw errors[0];
      if (errors.length > 1) throw new AggregateError(errors, 'several processors could not stop');
    },
  };
}
