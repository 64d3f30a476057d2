// The events of a broker connection, the same on every broker. The adapter emits them; the service passes them to its
// listeners, and words them for the log.

/** Something that happened at a broker connection. `broker` is its address without secrets; errors hold no bodies. */
export type BrokerEvent =
  | BrokerConnected
  | BrokerConnectFailed
  | BrokerLost
  | BrokerBlocked
  | BrokerUnblocked
  | QueueCreated
  | ConsumerLost
  | LeaseLost
  | LeaseRenewalFailed
  | SettleFailed
  | RequeueFailed
  | CopyRefused
  | CopyReduced
  | CopyHeld;

/** The broker has accepted the connection. */
export interface BrokerConnected {
  readonly kind: 'broker-connected';
  readonly broker: string;
  /** False for the first connection. */
  readonly isReconnect: boolean;
}

/** An attempt to connect has failed; the next one follows after a pause. */
export interface BrokerConnectFailed {
  readonly kind: 'broker-connect-failed';
  readonly broker: string;
  readonly error: Error;
}

/** The connection is gone: its unsettled deliveries will be redelivered. The adapter reconnects if that can help. */
export interface BrokerLost {
  readonly kind: 'broker-lost';
  readonly broker: string;
  /** Losses in a row, this one included: of connections that did not last. */
  readonly failures: number;
  readonly error: Error;
}

/** The broker accepts no messages for now (memory or disk alarm): sends, retries and dead letters wait. */
export interface BrokerBlocked {
  readonly kind: 'broker-blocked';
  readonly broker: string;
  readonly error: Error;
}

/** The broker accepts messages again. */
export interface BrokerUnblocked {
  readonly kind: 'broker-unblocked';
  readonly broker: string;
}

/** A queue was missing and has been created. */
export interface QueueCreated {
  readonly kind: 'queue-created';
  readonly queue: string;
}

/** A consumer gets no deliveries for now; the adapter consumes again after a pause. */
export interface ConsumerLost {
  readonly kind: 'consumer-lost';
  readonly queue: string;
  /** Failures in a row, this one included. */
  readonly failures: number;
  readonly error: Error;
}

/** A delivery was lost before its outcome was recorded: the message will be redelivered. */
export interface LeaseLost {
  readonly kind: 'lease-lost';
  readonly queue: string;
  readonly messageId: string;
  readonly error: Error;
}

/** Leases could not be renewed; the adapter retries while they last. */
export interface LeaseRenewalFailed {
  readonly kind: 'lease-renewal-failed';
  readonly queue: string;
  readonly leases: number;
  readonly error: Error;
}

/** Outcomes could not be recorded; the adapter retries until the deliveries are lost. */
export interface SettleFailed {
  readonly kind: 'settle-failed';
  readonly queue: string;
  readonly deliveries: number;
  readonly error: Error;
}

/** Deliveries could not be requeued: the messages are redelivered once their leases have expired. */
export interface RequeueFailed {
  readonly kind: 'requeue-failed';
  readonly queue: string;
  readonly deliveries: number;
  readonly error: Error;
}

/** The broker has not confirmed the copy made for a retry or a dead letter; the adapter tries again. */
export interface CopyRefused {
  readonly kind: 'copy-refused';
  /** The queue that the message came from. */
  readonly queue: string;
  /** The queue that the copy goes to. */
  readonly target: string;
  readonly messageId: string;
  /** Failures in a row, this one included. */
  readonly failures: number;
  readonly error: Error;
}

/** A copy cannot carry all headers and properties; those of the sender are left out. */
export interface CopyReduced {
  readonly kind: 'copy-reduced';
  readonly queue: string;
  readonly target: string;
  readonly messageId: string;
  readonly error: Error;
}

/**
 * The copy for a retry or a dead letter is refused, however small: the message stays where it is, does not take the place
 * of others, and the copy is tried again after a pause.
 */
export interface CopyHeld {
  readonly kind: 'copy-held';
  readonly queue: string;
  readonly target: string;
  readonly messageId: string;
  /** Refusals in a row, this one included. */
  readonly refusals: number;
  /** The pause before the next try, in milliseconds. */
  readonly retryInMs: number;
  readonly error: Error;
}
