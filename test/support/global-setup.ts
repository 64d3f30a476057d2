// Vitest's global set-up: one RabbitMQ and one NATS for the whole run, which broker.ts and own-nats.ts find and end.
import type { TestProject } from 'vitest/node';
import { provideBroker } from './broker.ts';
import { provideNats } from './own-nats.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared RabbitMQ's URL, with user and password: `inject('rabbitMqUrl')`. */
    readonly rabbitMqUrl: string;
    /** As `rabbitMqUrl`, of the shared NATS. */
    readonly natsUrl: string;
  }
}

/** Provides the shared broker. Returns the function that ends it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await provideBroker({ url: process.env.RABBITMQ_URL });
  const nats = await provideNats({ url: process.env.NATS_URL }).catch(async (error: unknown) => {
    await broker.close();
    throw error;
  });
  process.stdout.write(`Brokers of the tests: ${broker.description}; ${nats.description}\n`);
  project.provide('rabbitMqUrl', broker.url);
  project.provide('natsUrl', nats.url);
  return async () => {
    await Promise.all([broker.close(), nats.close()]);
  };
}
