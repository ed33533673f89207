/** Something of no use: `place` is the secret or the file. What OpenSSL says of a private key must not be in the message, nor be the cause. */
export function materialError(place: string, message: string, cause?: unknown): Error {
  return new Error(`${place}: ${message}`, cause === undefined ? undefined : { cause });
}
