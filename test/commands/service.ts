// A service directory for tests of the CLI, on the embedded queue. Creates its files; the tests run the commands.
import path from 'node:path';
import { browseFile } from '../messaging/sqlite/file.ts';
import { createTree, type Tree } from '../processor/tree.ts';

/** A processor that logs its messages. */
export const mail = `export class MailServiceProcessor {
  process(message: unknown, { log }: { log: { info(fields: object, text: string): void } }) {
    log.info({ message }, 'got it');
  }
}`;

const files: Tree = {
  'package.json': { name: 'mail', version: '1.2.3', type: 'module' },
  'processor.ts': mail,
  '.env': 'MESSAGING_TYPE=SqliteConnection\nQUEUE_NAME_PREFIX=CST_\nMailServiceProcessor_QUEUE_NAME=mail\n',
};

/** A whole service whose queue is CST_mail; `changes` are added, undefined removes a file. */
export function createService(changes: Tree = {}): string {
  const tree = Object.entries({ ...files, ...changes }).filter(([, content]) => content !== undefined);
  return createTree(Object.fromEntries(tree));
}

/** The bodies waiting in the embedded queue of a service, oldest first. */
export function waitingBodies(directory: string, queueName = 'CST_mail'): string[] {
  const file = path.join(directory, '.svchost/queue.db');
  return browseFile(file, queueName).map(({ body }) => Buffer.from(body).toString());
}
