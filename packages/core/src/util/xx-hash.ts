const MASK = 0xffff_ffff_ffff_ffffn;
const P1 = 0x9e37_79b1_85eb_ca87n;
const P2 = 0xc2b2_ae3d_27d4_eb4fn;
const P3 = 0x1656_67b1_9e37_79f9n;
const P4 = 0x85eb_ca77_c2b2_ae63n;
const P5 = 0x27d4_eb2f_1656_67c5n;

/** XXH64, with which Envoy hashes whatever must come out the same everywhere. Unsigned. */
export function xxHash64(bytes: Uint8Array, seed = 0n): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    const lanes: [bigint, bigint, bigint, bigint] = [seed + P1 + P2, seed + P2, seed, seed - P1];
    for (; at + 32 <= length; at += 32) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = round(lanes[lane] as bigint, view.getBigUint64(at + 8 * lane, true));
      }
    }
    hash = rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n);
    for (const lane of lanes) hash = (hash ^ round(0n, lane)) * P1 + P4;
  } else {
    hash = seed + P5;
  }
  hash += BigInt(length);
  for (; at + 8 <= length; at += 8) hash = rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4;
  if (at + 4 <= length) {
    hash = rotate(hash ^ (BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3;
    at += 4;
  }
  for (; at < length; at++) hash = rotate(hash ^ (BigInt(view.getUint8(at)) * P5), 11n) * P1;
  hash &= MASK;
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

function round(lane: bigint, input: bigint): bigint {
  return rotate(lane + input * P2, 31n) * P1;
}

function rotate(value: bigint, by: bigint): bigint {
  const low = value & MASK;
  return ((low << by) | (low >> (64n - by))) & MASK;
}
