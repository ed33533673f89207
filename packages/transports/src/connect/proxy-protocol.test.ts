import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { UpstreamProxyProtocol } from '@inmesh/core';
import { proxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

function header(
  version: 'v1' | 'v2',
  from: string | undefined,
  to: string | undefined,
  tlvs: UpstreamProxyProtocol['tlvs'] = [],
): Buffer {
  const socket = { localAddress: from, localPort: 0xdc6c, remoteAddress: to, remotePort: 0x4dc6 } as Socket;
  return proxyHeader({ kind: 'upstream_proxy_protocol', version, tlvs, inner: { kind: 'raw_buffer' } }, socket);
}

describe('the header of the PROXY protocol', () => {
  it('tells the addresses of the socket in version 1', () => {
    assert.equal(header('v1', '127.0.0.1', '127.0.0.2').toString(), 'PROXY TCP4 127.0.0.1 127.0.0.2 56428 19910\r\n');
    assert.equal(header('v1', '::1', 'fd00::2').toString(), 'PROXY TCP6 ::1 fd00::2 56428 19910\r\n');
  });

  it('knows no addresses of a unix-domain socket', () => {
    assert.equal(header('v1', undefined, undefined).toString(), 'PROXY UNKNOWN\r\n');
    const tlv = { type: 0xe0, value: Buffer.from('a') };
    assert.equal(header('v2', undefined, undefined, [tlv]).toString('hex'), `${SIGNATURE}21000004e0000161`);
  });

  it('says in version 2 that the connection is its own, as Envoy of connections without a client', () => {
    assert.equal(header('v2', '127.0.0.1', '127.0.0.2').toString('hex'), `${SIGNATURE}20000000`);
  });

  it('tells values beside the addresses, as Envoy 1.40 writes them', () => {
    const tlv = { type: 224, value: Buffer.from('hello') };
    assert.equal(
      header('v2', '127.0.0.1', '127.0.0.1', [tlv]).toString('hex'),
      `${SIGNATURE}211100147f0000017f000001dc6c4dc6e0000568656c6c6f`,
    );
    assert.equal(
      header('v2', '::1', 'fd00::ab', [tlv]).toString('hex'),
      `${SIGNATURE}2121002c${'0'.repeat(31)}1fd00${'0'.repeat(26)}abdc6c4dc6e0000568656c6c6f`,
    );
  });

  it('leaves out the values that have no place', () => {
    const large = { type: 1, value: Buffer.alloc(40_000) };
    const bytes = header('v2', '127.0.0.1', '127.0.0.1', [large, large]);
    assert.equal(bytes.length, 16 + 12 + 3 + 40_000);
    assert.equal(bytes.readUInt16BE(14), bytes.length - 16);
  });
});
