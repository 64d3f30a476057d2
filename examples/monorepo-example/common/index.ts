// The code that the services of the shop share.
export { formatAmount, orderTotal } from './order.ts';
export type { Order, OrderLine } from './order.ts';
export { orderSchema } from './schema.ts';
