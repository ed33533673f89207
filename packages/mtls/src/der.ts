/** Takes apart values in DER that stand one after the other. Throws for what is no such row. (X.690, section 8.1.3) */
export function splitDer(bytes: Uint8Array): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + lengthOf(bytes, at);
    values.push(bytes.subarray(at, end));
    at = end;
  }
  return values;
}

/** Of tag, length and content together; a certificate is a SEQUENCE, whose tag is one byte. */
function lengthOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1];
  if (first === undefined) throw cut();
  let header = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error('it is no DER: a value has a length of a form that is not allowed');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
    header += count;
  }
  if (at + header + length > bytes.length) throw cut();
  return header + length;
}

function cut(): Error {
  return new Error('it is no DER: it ends within a value');
}
