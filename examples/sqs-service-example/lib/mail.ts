// The content of this service's messages.

export interface Mail {
  readonly to: string;
  readonly subject: string;
}

export function isMail(message: unknown): message is Mail {
  if (message === null || typeof message !== 'object') return false;
  const { to, subject } = message as Partial<Record<string, unknown>>;
  return typeof to === 'string' && to.includes('@') && typeof subject === 'string';
}
