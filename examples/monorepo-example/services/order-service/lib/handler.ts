// The business logic of this service, independent of the host.
import { formatAmount, orderTotal, type Order } from 'shop-common';

/** The least total, in cents, for which the shop pays the postage. */
const freePostageFrom = 5000;

export interface AcceptedOrder {
  readonly orderId: number;
  readonly total: string;
  readonly postage: 'free' | 'due';
}

export function acceptOrder(order: Order): AcceptedOrder {
  const total = orderTotal(order);
  return {
    orderId: order.id,
    total: formatAmount(total),
    postage: total >= freePostageFrom ? 'free' : 'due',
  };
}
