// A client of Node's inspector, as a debugger is: commands, events, breakpoints.
import { pathToFileURL } from 'node:url';

/** The answer to a command, or the content of an event. */
type Params = Readonly<Record<string, unknown>>;

/** The place at which a program has stopped. */
export interface Pause {
  /** The file's URL. */
  readonly url: string;
  /** From 1, as editors count. */
  readonly line: number;
  /** The value of an expression there, if JSON can express it. */
  evaluate(expression: string): Promise<unknown>;
}

/** How long an expected event may take, in milliseconds. */
const patienceMs = 30_000;

/** A debugger's connection to a process. */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (answer: Params) => void>();
  /** Each script's URL by its id: the URL of a frame is empty if Node has stripped types. */
  readonly #scripts = new Map<unknown, string>();
  readonly #pauses: Params[] = [];
  /** Aborted when the process or the connection has gone. */
  readonly #disconnected = new AbortController();
  #onPause: () => void = () => undefined;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('close', () => this.#disconnected.abort());
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data)) as Params));
  }

  /** @param url as Node prints it: `ws://127.0.0.1:9229/...` */
  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no inspector answers at ${url}`)));
    });
    const inspector = new Inspector(socket);
    // Without it, a finished process waits for its debugger to go away, and the debugger for the process.
    await inspector.#send('NodeRuntime.notifyWhenWaitingForDisconnect', { enabled: true });
    await inspector.#send('Runtime.enable');
    await inspector.#send('Debugger.enable');
    return inspector;
  }

  /** Sets a breakpoint in a file that may not be loaded yet. `line` from 1. */
  async setBreakpoint(file: string, line: number): Promise<void> {
    await this.#send('Debugger.setBreakpointByUrl', { url: pathToFileURL(file).href, lineNumber: line - 1 });
  }

  /** Starts a process that waits for its debugger. */
  async begin(): Promise<void> {
    await this.#send('Runtime.runIfWaitingForDebugger');
  }

  /** The next stop at a breakpoint. */
  async paused(): Promise<Pause> {
    const timer = AbortSignal.timeout(patienceMs);
    const ended = AbortSignal.any([timer, this.#disconnected.signal]);
    while (this.#pauses.length === 0) {
      if (ended.aborted) throw new Error('the program did not stop at a breakpoint');
      await new Promise<void>((resolve) => {
        this.#onPause = resolve;
        ended.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    const { callFrames } = this.#pauses.shift() as unknown as {
      readonly callFrames: readonly {
        callFrameId: string;
        location: { scriptId: string; lineNumber: number };
      }[];
    };
    const { callFrameId, location } = callFrames[0]!;
    return {
      url: this.#scripts.get(location.scriptId) ?? '',
      line: location.lineNumber + 1,
      evaluate: async (expression) => {
        const params = { callFrameId, expression, returnByValue: true };
        const { result } = await this.#send('Debugger.evaluateOnCallFrame', params);
        return (result as Params)['value'];
      },
    };
  }

  /** Lets the program continue. */
  async resume(): Promise<void> {
    await this.#send('Debugger.resume');
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.#lastId;
    const ended = AbortSignal.any([AbortSignal.timeout(patienceMs), this.#disconnected.signal]);
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`no answer to ${method}`));
      ended.addEventListener('abort', fail, { once: true });
      this.#answers.set(id, ({ result, error }) => {
        ended.removeEventListener('abort', fail);
        if (error === undefined) resolve(result as Params);
        else reject(new Error(`${method}: ${JSON.stringify(error)}`));
      });
      if (ended.aborted) fail();
      else this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #receive(message: Params): void {
    const { id, method, params } = message;
    if (typeof id === 'number') this.#answers.get(id)?.(message);
    if (method === 'Debugger.scriptParsed') {
      const { scriptId, url } = params as { scriptId: string; url: string };
      this.#scripts.set(scriptId, url);
    }
    if (method === 'Debugger.paused') {
      this.#pauses.push(params as Params);
      this.#onPause();
    }
    if (method === 'NodeRuntime.waitingForDisconnect') this.#socket.close();
  }
}
