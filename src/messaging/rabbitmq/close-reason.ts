// Asks a broker why it closes a connection while it is being opened: amqplib drops the reason, which tells a virtual host
// that is down, and will be up again, from one that the user may not use.
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { FieldReader } from './field-table.ts';

/** How long the broker may take, in milliseconds. */
const timeoutMs = 5_000;

/** Where and as whom to connect. */
export interface Login {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
}

/** The broker's reason: an AMQP reply code, and its own sentence. */
export interface CloseReason {
  readonly code: number;
  readonly text: string;
}

/** The methods of class connection (AMQP 0-9-1, section 1.4). */
const method = { start: 10, startOk: 11, tune: 30, tuneOk: 31, open: 40, openOk: 41, close: 50 } as const;
const connectionClass = 10;
const methodFrame = 1;
const frameEnd = 0xce;
const protocolHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/**
 * Opens a connection up to the point where the broker accepts or closes it, and drops it.
 *
 * @returns undefined if the broker accepts it, or does not answer
 */
export async function readCloseReason(login: Login): Promise<CloseReason | undefined> {
  const socket = openSocket(login);
  socket.setTimeout(timeoutMs, () => socket.destroy());
  try {
    for await (const frame of frames(socket)) {
      const answer = answerTo(frame, login);
      if (answer === undefined) return undefined;
      if (!Buffer.isBuffer(answer)) return answer;
      socket.write(answer);
    }
  } catch {
    // No reason, then.
  } finally {
    socket.destroy();
  }
  return undefined;
}

function openSocket({ hostname: host, port, tls }: Login): Socket {
  const onOpen = () => socket.write(protocolHeader);
  const socket = tls
    ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) }, onOpen)
    : connectTcp({ host, port }, onOpen);
  return socket;
}

/** The payloads of the frames that arrive. */
async function* frames(socket: Socket): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    // A frame: its type, its channel, its length, the payload, and an end mark.
    while (rest.length >= 7 && rest.length >= rest.readUInt32BE(3) + 8) {
      const end = rest.readUInt32BE(3) + 7;
      yield rest.subarray(7, end);
      rest = rest.subarray(end + 1);
    }
  }
}

/** The bytes to answer with; the reason if the broker closes the connection; undefined at any other end. */
function answerTo(payload: Buffer, login: Login): Buffer | CloseReason | undefined {
  const reader = new FieldReader(payload);
  if (reader.uint16() !== connectionClass) return undefined;
  switch (reader.uint16()) {
    case method.start:
      return frame(method.startOk, startOk(login));
    case method.tune: {
      const open = Buffer.concat([shortText(login.virtualHost), shortText(''), Buffer.of(0)]);
      return Buffer.concat([frame(method.tuneOk, reader.rest), frame(method.open, open)]);
    }
    case method.close:
      return { code: reader.uint16(), text: reader.shortText() };
    default:
      return undefined;
  }
}

/** No client properties, the mechanism PLAIN, and the locale. */
function startOk({ username, password }: Login): Buffer {
  const plain = Buffer.from(`\0${username}\0${password}`);
  return Buffer.concat([uint32(0), shortText('PLAIN'), uint32(plain.length), plain, shortText('en_US')]);
}

function frame(methodId: number, fields: Buffer): Buffer {
  const payload = Buffer.concat([uint16(connectionClass), uint16(methodId), fields]);
  return Buffer.concat([
    Buffer.of(methodFrame),
    uint16(0),
    uint32(payload.length),
    payload,
    Buffer.of(frameEnd),
  ]);
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
