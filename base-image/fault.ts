// The error that stops the build of an image.

/** The build cannot go on. The message is for the developer: the fault, its place and the remedy. */
export class BuildFault extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BuildFault';
  }
}
