// The order that all services of the shop share. Amounts are whole cents.

export interface OrderLine {
  readonly article: string;
  readonly quantity: number;
  /** Cents for one. */
  readonly price: number;
}

export interface Order {
  readonly id: number;
  readonly lines: readonly OrderLine[];
}

/** In cents. */
export function orderTotal({ lines }: Order): number {
  return lines.reduce((total, { quantity, price }) => total + quantity * price, 0);
}

/** An amount of cents for people: `12.50`. */
export function formatAmount(cents: number): string {
  return (cents / 100).toFixed(2);
}
