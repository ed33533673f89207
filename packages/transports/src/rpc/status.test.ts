import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { decodeGrpcMessage, encodeGrpcMessage, statusOfHeaders, statusOfHttp, statusOfReset } from './status.ts';

describe('gRPC status', () => {
  it('reads status and message from headers', () => {
    assert.deepEqual(statusOfHeaders({ 'grpc-status': '14', 'grpc-message': 'not%20now' }), {
      code: 14,
      message: 'not now',
    });
    assert.deepEqual(statusOfHeaders({ 'grpc-status': '0' }), { code: 0, message: '' });
    assert.equal(statusOfHeaders({ 'content-type': 'text/html' }), null);
    for (const bad of ['', 'x', '17', '-1', '1e1']) assert.equal(statusOfHeaders({ 'grpc-status': bad })?.code, 2, bad);
  });

  it('maps HTTP statuses as the specification does', () => {
    const codes = [400, 401, 403, 404, 429, 502, 503, 504, 500, 302].map((status) => statusOfHttp(status).code);
    assert.deepEqual(codes, [13, 16, 7, 12, 14, 14, 14, 14, 2, 2]);
  });

  it('maps resets as the specification does, and names them', () => {
    assert.equal(statusOfReset(constants.NGHTTP2_REFUSED_STREAM).code, 14);
    assert.equal(statusOfReset(constants.NGHTTP2_CANCEL).code, 1);
    assert.equal(statusOfReset(constants.NGHTTP2_ENHANCE_YOUR_CALM).code, 8);
    assert.equal(statusOfReset(constants.NGHTTP2_INADEQUATE_SECURITY).code, 7);
    assert.equal(statusOfReset(constants.NGHTTP2_PROTOCOL_ERROR).code, 13);
    assert.equal(statusOfReset(77).code, 2);
    assert.match(statusOfReset(constants.NGHTTP2_REFUSED_STREAM).message, /REFUSED_STREAM \(7\)/);
  });

  it('round-trips messages through percent-encoding and never loses a bad one', () => {
    for (const text of ['plain', '100 %', 'línea\nwith a newline', 'Übergröße 漢字', '']) {
      assert.match(encodeGrpcMessage(text), /^[ -~]*$/);
      assert.equal(decodeGrpcMessage(encodeGrpcMessage(text)), text);
    }
    assert.equal(decodeGrpcMessage('50% of %zz'), '50% of %zz');
  });
});
