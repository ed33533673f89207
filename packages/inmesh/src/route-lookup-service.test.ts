import assert from 'node:assert/strict';
import { type RouteLookupConfig, VirtualClock } from '@inmesh/core';
import { type GrpcServer, type GrpcServerMethod, grpcServer } from '@inmesh/transports/rpc';
import type { XdsServer } from '@inmesh/xds';
import { openLookupService } from './route-lookup-service.ts';

const REQUEST = { keys: { user: 'ann' }, reason: 'miss', staleHeaderData: '' } as const;
const SERVER: XdsServer = {
  uri: 'control-plane:443',
  credentials: { kind: 'insecure' },
  callCredentials: [],
  delta: false,
  features: [],
  initialMetadata: [['of', 'the control plane']],
  keepalive: { intervalMs: 0, timeoutMs: 0 },
};

const config = (lookupService: string): RouteLookupConfig => ({
  keyBuilders: [],
  lookupService,
  lookupServiceTimeoutMs: 700,
  maxAgeMs: 1,
  staleAgeMs: 1,
  cacheSizeBytes: 1,
  defaultTarget: '',
});

function serve(method: GrpcServerMethod): GrpcServer {
  return grpcServer({ services: { '/grpc.lookup.v1.RouteLookupService/RouteLookup': method } });
}

describe('openLookupService', () => {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const parts = { server: SERVER, clock, onError: (error: Error) => errors.push(error.message) };

  it('asks with a deadline, and gives up at it', async () => {
    const metadata: unknown[] = [];
    const called = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<string | null>();
    const server = serve((stream) => {
      metadata.push(stream.metadata['grpc-timeout'], stream.metadata.of);
      called.resolve();
      return { onMessage: () => {}, onClose: (reason) => closed.resolve(reason) };
    });
    const service = openLookupService(parts, config(await server.listen({ port: 0 })), () => {});
    const answer = service.lookup(REQUEST);
    await called.promise;
    clock.advance(700);
    await assert.rejects(answer, /no answer within 700 ms/);
    assert.deepEqual(metadata, ['700m', undefined]);
    assert.notEqual(await closed.promise, null, 'the server hears that nobody waits any more');
    service.close();
    await server.destroy();
  });

  it('refuses an answer that is none', async () => {
    const server = serve((stream) => ({
      onMessage: () => {},
      onHalfClose: () => {
        stream.send(new Uint8Array([0xff]));
        stream.end({ code: 0, message: '' });
      },
    }));
    const service = openLookupService(parts, config(await server.listen({ port: 0 })), () => {});
    await assert.rejects(service.lookup(REQUEST), /the answer is no RouteLookupResponse/);
    assert.equal(clock.pending, 0, 'no timer is left');
    service.close();
    await server.destroy();
  });

  it('tells when the service can be reached again', async () => {
    const ends: GrpcServerMethod = (stream) => ({
      onMessage: () => {},
      onHalfClose: () => stream.end({ code: 5, message: 'nobody knows' }),
    });
    const first = serve(ends);
    const target = await first.listen({ port: 0 });
    let recovered = 0;
    const service = openLookupService(parts, config(target), () => recovered++);
    await assert.rejects(service.lookup(REQUEST), /nobody knows \(status 5\)/);
    await first.destroy();
    // The connection may still look alive to the first one; the next one has to connect.
    await assert.rejects(service.lookup(REQUEST));
    await assert.rejects(service.lookup(REQUEST), /\(status 14\)/);
    assert.equal(recovered, 0);
    const second = serve(ends);
    await second.listen({ port: Number(target.split(':')[1]) });
    await assert.rejects(service.lookup(REQUEST), /nobody knows/);
    assert.equal(recovered, 1);
    service.close();
    await second.destroy();
  });

  it('fails each lookup, and says why once, where it cannot be asked', async () => {
    errors.length = 0;
    const nowhere = openLookupService(parts, config('dns://server/lookup'), () => {});
    const alone = openLookupService({ ...parts, server: null }, config('lookup:443'), () => {});
    for (const service of [nowhere, nowhere, alone]) await assert.rejects(service.lookup(REQUEST), /cannot be asked/);
    assert.deepEqual(
      [errors.length, /a DNS server of its own/.test(errors[0] ?? ''), /no control plane/.test(errors[1] ?? '')],
      [2, true, true],
    );
  });
});
