// What stops the build of an image, in words for the one who builds it.

/** The build cannot go on. The message says what is wrong, where, and what to do. */
export class BuildFault extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BuildFault';
  }
}
