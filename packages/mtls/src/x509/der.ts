/** Tags that certificates are made of. (X.690; RFC 5280) */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Bytes that are no DER, or not what was expected of them. */
export class DerError extends Error {
  override readonly name: string = 'DerError';
}

/** Deeper than any certificate; what is nested without end must not be followed. */
const MAX_DEPTH = 32;

/**
 * One element of DER and what it holds, read strictly: lengths are definite and as short as they can be, tags fit into one byte, and
 * nothing is left over. Whoever reads laxly can be made to see other names than OpenSSL sees.
 */
export class DerNode {
  readonly tag: number;
  /** The whole element, tag and length included. */
  readonly raw: Buffer;
  readonly content: Buffer;
  readonly #depth: number;

  private constructor(tag: number, raw: Buffer, content: Buffer, depth: number) {
    this.tag = tag;
    this.raw = raw;
    this.content = content;
    this.#depth = depth;
  }

  /** The one element that these bytes are. */
  static parse(bytes: Uint8Array): DerNode {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return DerNode.#only(buffer, 0);
  }

  /** Elements of a SEQUENCE, a SET or an explicitly tagged value. */
  children(): DerNode[] {
    if ((this.tag & 0x20) === 0) throw new DerError(`an element of tag ${this.tag} holds no others`);
    return DerNode.#list(this.content, this.#depth + 1);
  }

  /** What stands in an OCTET STRING, as extensions have it, or in a BIT STRING without unused bits. */
  inner(): DerNode {
    return DerNode.#only(this.tag === TAG.bitString ? this.bits() : this.content, this.#depth + 1);
  }

  /** The element, which must be of this tag. */
  expect(tag: number): this {
    if (this.tag !== tag) throw new DerError(`an element has the tag ${this.tag} instead of ${tag}`);
    return this;
  }

  oid(): string {
    this.expect(TAG.objectIdentifier);
    return oidText(this.content);
  }

  boolean(): boolean {
    this.expect(TAG.boolean);
    if (this.content.length !== 1) throw new DerError('a BOOLEAN is one byte');
    const byte = this.content[0];
    if (byte !== 0 && byte !== 0xff) throw new DerError('a BOOLEAN is 0 or 255');
    return byte === 0xff;
  }

  /** Hexadecimal digits of an INTEGER that is not negative, without leading zeros. */
  hex(): string {
    this.expect(TAG.integer);
    if (this.content.length === 0) throw new DerError('an INTEGER is empty');
    const digits = this.content.toString('hex').replace(/^0+/, '');
    return digits === '' ? '0' : digits;
  }

  /** An INTEGER that counts something. */
  count(): number {
    this.expect(TAG.integer);
    if (this.content.length === 0 || this.content.length > 4 || this.content[0]! >= 0x80)
      throw new DerError('an INTEGER that counts is negative or too great');
    return this.content.readUIntBE(0, this.content.length);
  }

  /** Bytes of a BIT STRING whose bits are a whole number of bytes. */
  bits(): Buffer {
    this.expect(TAG.bitString);
    if (this.content[0] !== 0) throw new DerError('a BIT STRING of keys and signatures has no unused bits');
    return this.content.subarray(1);
  }

  /** Flags of a BIT STRING, the first one as bit 0. */
  flags(): number {
    this.expect(TAG.bitString);
    const unused = this.content[0];
    if (unused === undefined || unused > 7 || this.content.length > 4) throw new DerError('a BIT STRING is no flags');
    let flags = 0;
    for (let bit = 0; bit < (this.content.length - 1) * 8 - unused; bit++) {
      if ((this.content[1 + (bit >> 3)]! & (0x80 >> (bit & 7))) !== 0) flags |= 1 << bit;
    }
    return flags;
  }

  /** Milliseconds since 1970. (RFC 5280, section 4.1.2.5) */
  time(): number {
    const text = this.content.toString('latin1');
    const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
    const digits = this.tag === TAG.utcTime ? 2 : this.tag === TAG.generalizedTime ? 4 : 0;
    if (match === null || match[1]!.length !== digits) throw new DerError('a time is none');
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
    const full = digits === 4 ? year : year < 50 ? 2000 + year : 1900 + year;
    const date = new Date(0);
    date.setUTCFullYear(full, month - 1, day);
    date.setUTCHours(hour, minute, second);
    if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59)
      throw new DerError('a time is none');
    return date.getTime();
  }

  static #only(bytes: Buffer, depth: number): DerNode {
    const node = DerNode.#at(bytes, 0, depth);
    if (node.raw.length !== bytes.length) throw new DerError('bytes are left over behind an element');
    return node;
  }

  static #list(bytes: Buffer, depth: number): DerNode[] {
    const nodes: DerNode[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const node = DerNode.#at(bytes, offset, depth);
      nodes.push(node);
      offset += node.raw.length;
    }
    return nodes;
  }

  static #at(bytes: Buffer, offset: number, depth: number): DerNode {
    if (depth > MAX_DEPTH) throw new DerError('elements are nested too deeply');
    const tag = bytes[offset];
    const first = bytes[offset + 1];
    if (tag === undefined || first === undefined) throw new DerError('an element is cut off');
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag is longer than one byte');
    let start = offset + 2;
    let length = first;
    if (first >= 0x80) {
      const size = first & 0x7f;
      if (size === 0 || size > 4) throw new DerError('a length is indefinite or too great');
      if (start + size > bytes.length) throw new DerError('an element is cut off');
      length = bytes.readUIntBE(start, size);
      if (length < 0x80 || (size > 1 && bytes[start] === 0)) throw new DerError('a length is longer than it need be');
      start += size;
    }
    const end = start + length;
    if (end > bytes.length) throw new DerError('an element is cut off');
    return new DerNode(tag, bytes.subarray(offset, end), bytes.subarray(start, end), depth);
  }
}

/** Such as `1.2.840.113549`. */
export function oidText(bytes: Buffer): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  let begun = false;
  for (const byte of bytes) {
    if (!begun && byte === 0x80) throw new DerError('an OBJECT IDENTIFIER is longer than it need be');
    begun = true;
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const root = arc < 80n ? arc / 40n : 2n;
      arcs.push(root, arc - root * 40n);
    } else arcs.push(arc);
    arc = 0n;
    begun = false;
  }
  if (begun || arcs.length === 0) throw new DerError('an OBJECT IDENTIFIER is cut off');
  return arcs.join('.');
}
