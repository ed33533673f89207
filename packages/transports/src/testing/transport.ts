// One transport of a cluster, whose ways to hosts a test waits for.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Clock,
  type ClusterConfig,
  type ClusterTransport,
  type ConnectError,
  type Connecting,
  type Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type ConnectionKey,
  type Endpoint,
  PLAIN_KEY,
  systemClock,
  systemRandom,
} from '@inmesh/core';
import { SocketConnector } from '../connect/connector.ts';
import type { TlsSource } from '../connect/followed-contexts.ts';

export interface Way<T> extends Connecting {
  /** What came of it, once it is over. */
  readonly over: Promise<{ readonly error: ConnectError | null; readonly got: T | null }>;
  /** What it led to; fails where it led nowhere. */
  open(): Promise<T>;
  /** Why it led nowhere; fails where it led somewhere. */
  refused(): Promise<ConnectError>;
}

export interface TransportOptions {
  readonly clock?: Clock;
  readonly tls?: TlsSource;
}

export class TestTransport {
  readonly transport: ClusterTransport;
  readonly key: ConnectionKey;
  /** What it told of its secrets, and its connections of themselves. */
  readonly heard: string[] = [];
  /** How its connections ended, as far as they told. */
  readonly ends: (ConnectionEnd | undefined)[] = [];

  constructor(config: ClusterConfig, { clock = systemClock, ...rest }: TransportOptions = {}) {
    this.key = { ...PLAIN_KEY, socket: config.transport.socket };
    this.transport = new SocketConnector({ clock, random: systemRandom, ...rest }).open(config, {
      onSettled: () => this.heard.push('settled'),
      onRotated: () => this.heard.push('rotated'),
    });
  }

  bytes(host: Endpoint, key: Partial<ConnectionKey> = {}): Way<Socket> {
    return wayOf<Socket>((callback) =>
      this.transport.connectBytes(
        host,
        { ...this.key, ...key },
        callback as (e: ConnectError | null, s: Duplex | null) => void,
      ),
    );
  }

  http(host: Endpoint, key: Partial<ConnectionKey> = {}): Way<Connection> {
    const events: ConnectionEvents = {
      onFree: () => this.heard.push('free'),
      onLimit: () => this.heard.push('limit'),
      onUnsent: () => this.heard.push('unsent'),
      onDraining: () => this.heard.push('draining'),
      onClosed: (_, end) => {
        this.heard.push('closed');
        this.ends.push(end);
      },
    };
    return wayOf<Connection>((callback) => this.transport.connect(host, { ...this.key, ...key }, events, callback));
  }
}

function wayOf<T>(start: (callback: (error: ConnectError | null, got: T | null) => void) => Connecting): Way<T> {
  let connecting!: Connecting;
  const over = new Promise<{ error: ConnectError | null; got: T | null }>((resolve, reject) => {
    let times = 0;
    connecting = start((error, got) => {
      if (++times > 1) reject(new Error('told twice'));
      resolve({ error, got });
    });
  });
  return {
    over,
    cancel: () => connecting.cancel(),
    open: async () => {
      const { error, got } = await over;
      if (got === null) throw new Error('it led nowhere', { cause: error?.cause });
      return got;
    },
    refused: async () => {
      const { error } = await over;
      if (error === null) throw new Error('it led somewhere');
      return error;
    },
  };
}
