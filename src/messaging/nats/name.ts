// Queue names as NATS takes them: a stream, its subjects, its consumer. Pure.

/** Longer names are refused by the server (JSMaxNameLen), and by file systems. */
export const longestStreamName = 255;

/** Between the parts of a subject; no stream name has one. */
const prefix = 'svchost';

/** The stream that remembers which occurrences of schedules are claimed. No queue has this name: "+" is encoded. */
export const claimStreamName = `${prefix}+claims`;

/**
 * The stream of a queue: its name, with `=` and two hexadecimal digits for each byte that is no letter, digit, `_` or `-`.
 * Not `%`: nats-server takes that for a verb of a format (2.9.10).
 */
export function streamName(queueName: string): string {
  return Array.from(Buffer.from(queueName), (byte) => {
    const character = String.fromCharCode(byte);
    return /[\w-]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** The subject to publish a message of a queue to. */
export function messageSubject(queueName: string): string {
  return `${prefix}.${streamName(queueName)}`;
}

/** The subject of copies that svchost makes: only of these are the headers that tell a history believed. */
export function copySubject(queueName: string): string {
  return `${messageSubject(queueName)}.copy`;
}

/** The subjects of a queue's stream. */
export function subjectsOf(queueName: string): string[] {
  return [messageSubject(queueName), copySubject(queueName)];
}

/**
 * The durable consumer that all hosts of a queue share. An ack names its consumer and a number that starts over with the
 * stream: with a fixed name, the ack of a delivery of a deleted stream would settle a message of its namesake.
 *
 * @param created when the stream was created, as the server says
 */
export function consumerName(created: string): string {
  return `${prefix}_${Date.parse(created).toString(36)}`;
}

/** The subject of the claim of an occurrence. */
export function claimSubject(scheduleName: string, occurrence: Date): string {
  return `${claimStreamName}.${streamName(scheduleName)}.${occurrence.getTime()}`;
}

/** All subjects of claims. */
export const claimSubjects = `${claimStreamName}.>`;
