// Vitest's global set-up: one RabbitMQ for the whole run, which broker.ts finds and ends.
import type { TestProject } from 'vitest/node';
import { provideBroker } from './broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared broker's URL, with user and password: `inject('rabbitMqUrl')`. */
    readonly rabbitMqUrl: string;
  }
}

/** Provides the shared broker. Returns the function that ends it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await provideBroker({ url: process.env.RABBITMQ_URL });
  process.stdout.write(`Broker of the tests: ${broker.description}\n`);
  project.provide('rabbitMqUrl', broker.url);
  return () => broker.close();
}
