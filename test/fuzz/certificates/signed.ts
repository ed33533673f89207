import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { Random } from '@inmesh/core';
import { type CertificateAuthority, derBlocks } from '@inmesh/mtls/ca';
import { DerNode, TAG } from '../../../packages/mtls/src/x509/der.ts';
import { below, damage, pick } from '../mutations.ts';

/** One element of DER: its tag, its length in as few bytes as can be, its content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = body.length < 0x100 ? 1 : body.length < 0x10000 ? 2 : 3;
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return Buffer.concat([Buffer.from([tag, 0x80 | size]), length, body]);
}

/** Signs whatever it is given, as an authority would that has lost its mind. */
export class MadAuthority {
  readonly #key: KeyObject;

  constructor(authority: CertificateAuthority) {
    this.#key = createPrivateKey(Buffer.from(authority.key.reveal()));
  }

  /** The certificate with other content to be signed, signed by this authority. */
  certificate(original: Buffer, signed: Buffer): Buffer {
    const [, algorithm] = DerNode.parse(original).children();
    const signature = sign('sha256', signed, this.#key);
    return element(TAG.sequence, signed, algorithm!.raw, element(TAG.bitString, Buffer.from([0]), signature));
  }
}

/** The part of a certificate, or of a list, that is signed. */
export function toBeSigned(der: Buffer): Buffer {
  return DerNode.parse(der).children()[0]!.raw;
}

/** Damages one element somewhere within, and mends the lengths around it, so that the damage is not found by them. */
export function damageWithin(random: Random, der: Buffer): Buffer {
  const node = DerNode.parse(der);
  const children = childrenOf(node);
  if (children.length === 0 || random() < 0.1) return element(node.tag, damage(random, node.content));
  const parts = children.map(({ raw }) => raw);
  const at = below(random, children.length);
  switch (below(random, 12)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(at, 0, parts[at]!);
      break;
    case 2:
      parts.reverse();
      break;
    case 3:
      parts[at] = element(pick(random, Object.values(TAG)), children[at]!.content);
      break;
    case 4:
      parts[at] = element(below(random, 256), children[at]!.content);
      break;
    default:
      parts[at] = damageWithin(random, parts[at]!);
  }
  return element(node.tag, ...parts);
}

/** The same to be signed, for other names: any bytes with any tag, among them what reads like the wanted name to whoever reads carelessly. */
export function withStrangeNames(random: Random, signed: Buffer, wanted: string): Buffer {
  const fields = DerNode.parse(signed).children();
  const extensions = fields.at(-1)!.inner().children();
  const others = extensions
    .filter((extension) => extension.children()[0]?.oid() !== SUBJECT_ALT_NAME)
    .map(({ raw }) => raw);
  const names = Array.from({ length: below(random, 4) + 1 }, () => strangeName(random, wanted));
  const value = element(TAG.octetString, element(TAG.sequence, ...names));
  const oid = element(TAG.objectIdentifier, Buffer.from('551d11', 'hex'));
  const own = element(TAG.sequence, oid, value);
  const all = element(0xa3, element(TAG.sequence, ...others, own, ...(random() < 0.05 ? [own] : [])));
  return element(TAG.sequence, ...fields.slice(0, -1).map(({ raw }) => raw), all);
}

const SUBJECT_ALT_NAME = '2.5.29.17';

function strangeName(random: Random, wanted: string): Buffer {
  const texts = [
    wanted,
    `${wanted}\0.evil.example`,
    `x\0${wanted}`,
    `x, URI:${wanted}`,
    `"${wanted}"`,
    wanted.toUpperCase(),
    `${wanted}/`,
    `${wanted} `,
    '',
    'spiffe://evil.example/x',
  ];
  const tags = [0x86, 0x86, 0x86, 0x82, 0x81, 0x87, 0xa6, 0x88, 0x06, below(random, 256)];
  const text = Buffer.from(pick(random, texts), 'latin1');
  return element(pick(random, tags), random() < 0.1 ? damage(random, text) : text);
}

/** Elements within, also within an OCTET STRING that holds one, as extensions do. */
function childrenOf(node: DerNode): DerNode[] {
  try {
    return node.tag === TAG.octetString ? [node.inner()] : node.children();
  } catch {
    return [];
  }
}

export function leafOf(pem: string): Buffer {
  return derBlocks(pem, 'CERTIFICATE')[0]!;
}
