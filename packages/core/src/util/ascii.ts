/** Lower case for ASCII letters alone, as Envoy lowers what it compares: other letters are bytes to it. */
export function asciiLower(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * A text of the feed as it reads on the wire: headers and paths are bytes, which HTTP codecs hand over as latin1, and the feed's
 * bytes are UTF-8.
 */
export function asOnTheWire(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
