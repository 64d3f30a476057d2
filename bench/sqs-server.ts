// The SQS server of bench/sqs.ts, as a process of its own, so that it does not load a consumer's event loop. Its parent
// names each queue to create, and the number of messages to put on it.
import { startServer } from '../test/messaging/sqs/server.ts';

const server = await startServer();

process.on('message', ({ queue, messages }: { queue: string; messages: number }) => {
  const { queueUrl } = server.createQueue(queue);
  for (let id = 0; id < messages; id++)
    server.sendMessage(queue, JSON.stringify({ id, text: 'x'.repeat(200) }));
  process.send?.({ queueUrl });
});
process.on('disconnect', () => process.exit());
process.send?.({ endpoint: server.address });
