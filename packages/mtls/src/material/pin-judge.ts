import { createHash } from 'node:crypto';
import type { CertificateValidationContext } from '@inmesh/core';
import type { PeerRefusal } from '../tls-material.ts';
import { materialError } from './config-error.ts';
import { type Peer, presented, refusal } from './peer.ts';

type Pins = Pick<CertificateValidationContext, 'verifyCertificateSpki' | 'verifyCertificateHash'>;

/** Judges a certificate by its hash, or that of its key: one of either kind is enough. Null where there are none; throws for what is no SHA-256. */
export function pinJudge(pins: Pins, place: string): ((peer: Peer) => PeerRefusal | null) | null {
  const keys = new Set(pins.verifyCertificateSpki.map((pin) => hexOfBase64(pin, place)));
  const certificates = new Set(pins.verifyCertificateHash.map((pin) => hexOf(pin, place)));
  if (keys.size === 0 && certificates.size === 0) return null;
  return (peer) => {
    const { der, publicKeyInfo } = peer.leaf;
    const hash = sha256(der);
    const spki = sha256(publicKeyInfo);
    if (certificates.has(hash.toString('hex')) || keys.has(spki.toString('hex'))) return null;
    return refusal(
      'fail_verify_cert_hash',
      `${presented(peer)} with the hash ${hash.toString('hex')} and a key with ${spki.toString('base64')}, of which ${place} has neither`,
    );
  };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Envoy takes colons between the bytes. */
function hexOf(pin: string, place: string): string {
  const hex = (pin.length === 95 ? pin.replaceAll(':', '') : pin).toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw materialError(place, `verify_certificate_hash: ${pin} is no SHA-256 in hexadecimal digits`);
}

function hexOfBase64(pin: string, place: string): string {
  if (/^[A-Za-z0-9+/]{43}=$/.test(pin)) return Buffer.from(pin, 'base64').toString('hex');
  throw materialError(place, `verify_certificate_spki: ${pin} is no SHA-256 in base64`);
}
