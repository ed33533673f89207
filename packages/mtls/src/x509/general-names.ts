import type { SanType, SubjectAltName } from '@inmesh/core';
import { DerError, type DerNode, oidText, TAG } from './der.ts';

/** Context tags of GeneralName. (RFC 5280, section 4.2.1.6) */
const OTHER_NAME = 0xa0;
const DIRECTORY_NAME = 0xa4;
const IP_ADDRESS = 0x87;
const REGISTERED_ID = 0x88;
const TEXTS: ReadonlyMap<number, SanType> = new Map([
  [0x81, 'email'],
  [0x82, 'dns'],
  [0x86, 'uri'],
]);

/** Names in the extension `subjectAltName`, in their order. Values are bytes (latin1), but that of an address. */
export function readGeneralNames(node: DerNode): SubjectAltName[] {
  return node.expect(TAG.sequence).children().map(readGeneralName);
}

/** One that is none spoils all, as with OpenSSL: what follows it may be meant for other readers. */
function readGeneralName(node: DerNode): SubjectAltName {
  const type = TEXTS.get(node.tag);
  if (type !== undefined) return { type, value: node.content.toString('latin1'), oid: '' };
  switch (node.tag) {
    case IP_ADDRESS:
      return { type: 'ip_address', value: ipText(node.content), oid: '' };
    case OTHER_NAME:
      return otherName(node);
    case DIRECTORY_NAME:
      readName(node.inner());
      break;
    case REGISTERED_ID:
      oidText(node.content);
      break;
    default:
      // x400Address and ediPartyName, which nobody has, are among them.
      throw new DerError(`a name has the tag ${node.tag}`);
  }
  return { type: null, value: '', oid: '' };
}

function otherName(node: DerNode): SubjectAltName {
  const [typeId, wrapped, ...rest] = node.children();
  const value = wrapped?.expect(0xa0).children();
  if (typeId === undefined || value?.length !== 1 || rest.length > 0)
    throw new DerError('a name of another kind is not whole');
  return { type: 'other_name', value: valueText(value[0]!), oid: typeId.oid() };
}

/** Only that it is one. (RFC 5280, section 4.1.2.4) */
function readName(node: DerNode): void {
  for (const part of node.expect(TAG.sequence).children()) {
    for (const attribute of part.expect(TAG.set).children()) {
      const [type, value, ...rest] = attribute.expect(TAG.sequence).children();
      if (type === undefined || value === undefined || rest.length > 0) throw new DerError('a name is not whole');
      type.oid();
    }
  }
}

/** The value of a name of another kind as text, as Envoy compares it. (Utility::generalNameAsString) */
function valueText(node: DerNode): string {
  switch (node.tag) {
    case TAG.null:
      return '';
    case TAG.boolean:
      return String(node.boolean());
    case TAG.integer:
    case TAG.enumerated:
      return integerText(node.content);
    case TAG.objectIdentifier:
      return node.oid();
    case TAG.bitString:
      return node.content.subarray(1).toString('latin1');
    case TAG.bmpString:
    case TAG.universalString:
      return wideText(node.content, node.tag === TAG.bmpString ? 2 : 4);
    case TAG.sequence:
    case TAG.set:
      return node.raw.toString('latin1');
    default:
      return node.content.toString('latin1');
  }
}

function integerText(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`)).toString();
}

/** UTF-8 bytes of characters that have two or four bytes each; empty where they are none. */
function wideText(bytes: Buffer, size: number): string {
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += size) {
    if (offset + size > bytes.length) return '';
    const code = bytes.readUIntBE(offset, size);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '';
    text += String.fromCodePoint(code);
  }
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** As inet_ntop writes it, which Envoy compares with; empty for what is none. */
function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  const { start, length } = longestZeros(groups);
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  // inet_ntop writes the last 32 bits of compatible and mapped addresses with dots.
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff)))
    return `::${length === 5 ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`;
  return length < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}
