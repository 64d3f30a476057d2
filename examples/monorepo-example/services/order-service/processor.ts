// A processor whose messages are orders. The schema that all services of the shop share checks each message first.
import { BaseServiceProcessor, type MessageContext } from 'rococo-svchost';
import { orderSchema, type Order } from 'shop-common';
import { acceptOrder } from './lib/handler.ts';

export class OrderServiceProcessor extends BaseServiceProcessor {
  static schema = orderSchema;

  override process(order: Order, { log }: MessageContext): void {
    const accepted = acceptOrder(order);
    log.info(accepted, 'Order accepted!');
  }
}
