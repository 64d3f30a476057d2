// The business logic of this service, kept apart from what hosts it.
import { formatAmount, orderTotal, type Order } from 'shop-common';

/** From this many cents on the shop pays the postage. */
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
