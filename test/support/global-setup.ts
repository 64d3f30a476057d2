// Vitest's global set-up: one RabbitMQ for the whole run. Owns when it is found and ended; broker.ts owns how.
import type { TestProject } from 'vitest/node';
import { provideBroker } from './broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared broker's URL, with user and password: `inject('rabbitMqUrl')`. */
    readonly rabbitMqUrl: string;
    /** As `rabbitMqUrl`, of the shared NATS. */
    readonly natsUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await provideBroker({ url: process.env.RABBITMQ_URL });
  process.stdout.write(`Broker of the tests: ${broker.description}\n`);
  project.provide('rabbitMqUrl', broker.url);
  project.provide('natsUrl', process.env.NATS_URL ?? 'nats://127.0.0.1:4222');
  return () => broker.close();
}
