// Recognizes that an optional package is missing, so that the error can name it.

/** The name of the package that an `import()` did not find; undefined for any other error. */
export function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND')
    return undefined;
  // Node: Cannot find package '@aws-sdk/client-sqs' imported from /app/node_modules/...
  return /^Cannot find package '([^']+)'/.exec(error.message)?.[1];
}
