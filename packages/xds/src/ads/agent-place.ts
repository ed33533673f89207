import type { StreamStatus } from '@inmesh/core';

/** gRPC's OK. */
const ok = 0;

/** Milliseconds that a stream lives where nobody contends for its place: streams of contenders live for a second or so. */
const quietMs = 30_000;

/** Streams in a row that have to go before it is told: two may go when a control plane is updated. */
const tellAt = 3;

/**
 * An agent of this host, an istio-agent that is, has one place for a stream, and ends the older one in peace when another process comes.
 * If that one came back at once it would end the newer one before anything was said on it, which then has to wait longer each
 * time: so it gives way for a while, and both are served by turns.
 */
export class AgentPlace {
  readonly #isAgents: boolean;
  #openedAt = 0;
  #lost = 0;

  constructor(serverUri: string) {
    this.#isAgents = serverUri.startsWith('unix:');
  }

  /** A stream is opened. */
  opened(now: number): void {
    this.#openedAt = now;
  }

  /** True where the stream had to make way for another. */
  lost({ code }: StreamStatus, now: number): boolean {
    if (!this.#isAgents || code !== ok) {
      this.#lost = 0;
      return false;
    }
    this.#lost = now - this.#openedAt < quietMs ? this.#lost + 1 : 1;
    return true;
  }

  /** What is to be told now, once in a row of losses; null for nothing. */
  complaint(): string | null {
    if (this.#lost !== tellAt) return null;
    return `${tellAt} streams in a row were ended soon, as an istio-agent does when another process comes: let the processes share one stream (option broker), or ask istiod directly`;
  }
}
