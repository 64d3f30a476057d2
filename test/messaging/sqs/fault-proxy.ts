// An HTTP proxy in front of an SQS server that breaks calls and counts them. Knows SQS's batches, and no adapter.
import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** The treatment of one call. */
export type Fault =
  | 'pass'
  /** 500, the server never sees it. */
  | 'error'
  /** 400, as SQS answers when it is called too often. */
  | 'throttle'
  /** The connection ends, the server never sees the call. */
  | 'cut'
  /** The server carries the call out, and the connection ends before its answer. */
  | 'cut-answer'
  /** The server sees the call after a minute, unless its client has given up by then. */
  | 'hang'
  /** Of a batch, each second entry fails and is not seen by the server. Other calls pass. */
  | 'partial'
  /** 400, with this error of SQS and this sentence; `date` is what the server's clock shows. */
  | { readonly error: string; readonly status?: number; readonly message?: string; readonly date?: Date };

/** How long a call hangs, in milliseconds. */
const hangMs = 60_000;

/** Decides about a call, by SQS's name of the action. */
export type FaultRule = (action: string, body: Record<string, unknown>) => Fault;

interface Entry {
  readonly Id: string;
}

interface Received {
  readonly ReceiptHandle: string;
}

/** The proxy of one server, with the fault that it causes next. */
export class FaultProxy {
  /** How many calls came in, by action. */
  readonly calls: Record<string, number> = {};
  /** How many calls that hung were given up by their client. */
  givenUp = 0;
  /** Receipt handles of received messages, with their queue. */
  readonly handles: { readonly queueUrl: string; readonly receiptHandle: string }[] = [];
  /** Changed while it runs. */
  rule: FaultRule = () => 'pass';
  /** If set, replaces the group of received messages. */
  groupOf: ((group: string) => string) | undefined;
  readonly #target: { readonly port: number; readonly host: string };
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(targetPort: number) {
    this.#target = { port: targetPort, host: '127.0.0.1' };
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo).port}`;
  }

  get total(): number {
    return Object.values(this.calls).reduce((sum, count) => sum + count, 0);
  }

  async start(): Promise<this> {
    const server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => incoming.socket.destroy());
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return this;
  }

  /** Ends all open connections; new ones are accepted. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server?.close();
    this.reset();
    this.#agent.destroy();
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = JSON.parse((await read(incoming)).toString()) as Record<string, unknown>;
    const action = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
    this.calls[action] = (this.calls[action] ?? 0) + 1;
    const fault = this.rule(action, body);
    if (typeof fault === 'object') {
      if (fault.date) outgoing.setHeader('date', fault.date.toUTCString());
      answerError(outgoing, fault.status ?? 400, fault.error, fault.message);
      return;
    }
    switch (fault) {
      case 'error': {
        answerError(outgoing, 500, 'InternalFailure');
        return;
      }
      case 'throttle': {
        answerError(outgoing, 400, 'RequestThrottled');
        return;
      }
      case 'cut':
        incoming.socket.destroy();
        return;
      case 'hang': {
        if (await outlives(outgoing, hangMs)) await this.#pass(incoming, outgoing, body);
        else this.givenUp++;
        return;
      }
      case 'cut-answer':
        await this.#forward(incoming, body);
        incoming.socket.destroy();
        return;
      case 'partial': {
        await this.#answerPartly(incoming, outgoing, body);
        return;
      }
      case 'pass': {
        await this.#pass(incoming, outgoing, body);
        return;
      }
    }
  }

  /** A client that has gone gets no messages: SQS notices that, fauxqs does not, so they are requeued here. */
  async #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Record<string, unknown>,
  ): Promise<void> {
    const answer = await this.#forward(incoming, body);
    if (!outgoing.destroyed) {
      this.#answer(outgoing, body, this.#regroup(answer));
      return;
    }
    const { Messages = [] } = JSON.parse(answer.content.toString()) as { Messages?: Received[] };
    incoming.headers['x-amz-target'] = 'AmazonSQS.ChangeMessageVisibility';
    for (const { ReceiptHandle } of Messages) {
      await this.#forward(incoming, { QueueUrl: body['QueueUrl'], ReceiptHandle, VisibilityTimeout: 0 });
    }
  }

  async #answerPartly(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Record<string, unknown>,
  ): Promise<void> {
    const entries = (body['Entries'] ?? []) as Entry[];
    const passed = entries.filter((_, index) => index % 2 === 0);
    if (passed.length === entries.length) {
      await this.#pass(incoming, outgoing, body);
      return;
    }
    const { status, content } = await this.#forward(incoming, { ...body, Entries: passed });
    const answer = JSON.parse(content.toString()) as { Failed?: unknown[] };
    const failed = entries
      .filter((entry) => !passed.includes(entry))
      .map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError', Message: 'on purpose' }));
    const whole = { ...answer, Failed: [...(answer.Failed ?? []), ...failed] };
    this.#answer(outgoing, body, { status, content: Buffer.from(JSON.stringify(whole)) });
  }

  #answer(
    outgoing: ServerResponse,
    body: Record<string, unknown>,
    { status, content }: { status: number; content: Buffer },
  ): void {
    if (content.includes('ReceiptHandle')) {
      const { Messages = [] } = JSON.parse(content.toString()) as { Messages?: Received[] };
      for (const { ReceiptHandle } of Messages) {
        this.handles.push({ queueUrl: String(body['QueueUrl']), receiptHandle: ReceiptHandle });
      }
    }
    outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(content);
  }

  #regroup(answer: { status: number; content: Buffer }): { status: number; content: Buffer } {
    const { groupOf } = this;
    if (!groupOf) return answer;
    const text = answer.content
      .toString()
      .replace(/"MessageGroupId":"([^"]*)"/g, (_, group: string) => `"MessageGroupId":"${groupOf(group)}"`);
    return { ...answer, content: Buffer.from(text) };
  }

  #forward(
    incoming: IncomingMessage,
    body: Record<string, unknown>,
  ): Promise<{ status: number; content: Buffer }> {
    const headers = { ...incoming.headers };
    delete headers.host;
    delete headers['content-length'];
    return new Promise((resolve, reject) => {
      const call = request({
        ...this.#target,
        agent: this.#agent,
        method: 'POST',
        path: incoming.url ?? '/',
        headers,
      });
      call.on('error', reject);
      call.on('response', (response) => {
        read(response).then((content) => resolve({ status: response.statusCode ?? 500, content }), reject);
      });
      call.end(JSON.stringify(body));
    });
  }
}

/** Whether the client is still there after so long. */
function outlives(outgoing: ServerResponse, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    outgoing.once('close', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

function answerError(
  outgoing: ServerResponse,
  status: number,
  error: string,
  message = `${error}, on purpose`,
): void {
  const body = JSON.stringify({ __type: `com.amazonaws.sqs#${error}`, message });
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
