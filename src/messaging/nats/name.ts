// A queue's names in NATS: its stream, its subjects, its consumer. Pure.

/** The server (JSMaxNameLen) and file systems refuse longer names. */
export const longestStreamName = 255;

/** The first part of every subject. */
const prefix = 'svchost';

/** The stream that remembers which occurrences of schedules are claimed. No queue has this name: "+" is encoded. */
export const claimStreamName = `${prefix}+claims`;

/**
 * The stream of a queue: its name, with `=` and two hexadecimal digits for each byte that is not a letter, digit, `_` or `-`.
 * Not `%`, which nats-server takes for a format verb (2.9.10).
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

/** The subject of svchost's own copies: only on this subject is a history in the headers believed. */
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
 * @param created the stream's creation time, as the server gives it
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
