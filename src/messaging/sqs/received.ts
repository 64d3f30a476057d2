// Received messages: their facts, read from attributes, and the delivery that the service gets.
import type { Message } from '@aws-sdk/client-sqs';
import type { Delivery, OnHeld, Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import { attemptHeaders, sentHeaders, type History } from '../dead-letter.ts';
import { decodeHeaders, readFacts, type Attributes } from './attribute.ts';
import { fifoHeader } from './outgoing.ts';
import { readNotification, snsHeaders, type SnsNotification } from './sns.ts';

/** A received message. */
export interface Received extends History {
  /** SQS's own id; each copy of a message gets a new one. */
  readonly sqsMessageId: string;
  /** Identifies this delivery in calls to SQS. */
  readonly receiptHandle: string;
  /** As SQS keeps it. */
  readonly text: string;
  /** As SQS keeps them. */
  readonly attributes: Attributes;
  /** The sender's id; SQS's own if it gave none. */
  readonly messageId: string;
  /** How many times SQS has delivered the message, including deliveries after a requeue or a host's death. */
  readonly attempt: number;
  readonly enqueuedAt: Date | undefined;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  /** The message group, if the message has one. */
  readonly group: string | undefined;
  /** The headers as their sender wrote them. */
  readonly sentHeaders: Headers;
}

/**
 * Reads a message.
 *
 * @param now milliseconds since the epoch, for a message that does not say when it was first received
 */
export function readMessage(message: Message, now: number): Received {
  const { Attributes: system = {}, MessageAttributes: attributes = {}, MessageId = '' } = message;
  const { facts, rest } = readFacts(decodeHeaders(attributes));
  return {
    sqsMessageId: MessageId,
    receiptHandle: message.ReceiptHandle ?? '',
    text: message.Body ?? '',
    attributes,
    messageId: facts.messageId ?? MessageId,
    attempt: Math.max(1, Number(system.ApproximateReceiveCount) || 1),
    enqueuedAt: timestamp(system.SentTimestamp),
    firstSeen: timestamp(system.ApproximateFirstReceiveTimestamp) ?? new Date(now),
    replyTo: facts.replyTo,
    correlationId: facts.correlationId,
    group: system.MessageGroupId,
    sentHeaders: sentHeaders(rest),
  };
}

/**
 * The headers of a delivery: those of its sender, and from the second attempt on its history.
 *
 * @param notification the SNS notification whose message the delivery has, if it is unwrapped
 */
export function deliveryHeaders(received: Received, notification?: SnsNotification): Headers {
  const { group } = received;
  return {
    ...(notification && snsHeaders(notification)),
    ...received.sentHeaders,
    ...(group !== undefined && { [fifoHeader.group]: group }),
    ...attemptHeaders(received),
  };
}

/** A received message, and how to settle it. */
export interface SqsDeliveryOptions {
  readonly received: Received;
  readonly lost: AbortSignal;
  readonly unwrapSns: boolean;
  /** Called once. */
  readonly settle: (outcome: Outcome, onHeld: OnHeld | undefined) => Promise<boolean>;
}

/** One delivery of SQS. */
export class SqsDelivery implements Delivery {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly attempt: number;
  /** SQS counts such deliveries as attempts. */
  readonly crashes = 0;
  /** All that SQS says: the earlier delivery may have been an earlier attempt. */
  readonly redelivered: boolean;
  readonly enqueuedAt: Date | undefined;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  readonly lost: AbortSignal;
  readonly #received: Received;
  readonly #notification: SnsNotification | undefined;
  readonly #settle: SqsDeliveryOptions['settle'];
  #headers: Headers | undefined;
  #settled: Promise<boolean> | undefined;

  constructor({ received, lost, unwrapSns, settle }: SqsDeliveryOptions) {
    this.messageId = received.messageId;
    this.#notification = unwrapSns ? readNotification(received.text) : undefined;
    this.body = Buffer.from(this.#notification?.message ?? received.text);
    this.attempt = received.attempt;
    this.redelivered = received.attempt > 1;
    this.enqueuedAt = received.enqueuedAt;
    this.replyTo = received.replyTo;
    this.correlationId = received.correlationId;
    this.lost = lost;
    this.#received = received;
    this.#settle = settle;
  }

  /** Made when they are read: most processors never use them. */
  get headers(): Headers {
    this.#headers ??= deliveryHeaders(this.#received, this.#notification);
    return this.#headers;
  }

  settle(outcome: Outcome, onHeld?: OnHeld): Promise<boolean> {
    this.#settled ??= this.#settle(outcome, onHeld);
    return this.#settled;
  }
}

function timestamp(text: string | undefined): Date | undefined {
  const date = new Date(Number(text));
  return Number.isNaN(date.getTime()) ? undefined : date;
}
