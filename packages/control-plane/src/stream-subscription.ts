/** A rejected response. */
export interface Nack {
  readonly version: string;
  readonly code: number;
  readonly message: string;
}

/** What one node has of one type. */
export interface TypeStatus {
  /** `*` for all. */
  readonly subscribed: readonly string[];
  readonly sentVersion: string | null;
  readonly ackedVersion: string | null;
  /** Set while the last response that the node answered was rejected. */
  readonly nack: Nack | null;
}

/** Undefined for an ACK, else why not. */
export type Answer = { readonly code: number; readonly message: string } | undefined;

/** What one stream wants of one type and what it said to what it was sent, in either variant. */
export abstract class StreamSubscription {
  readonly typeUrl: string;
  sentVersion: string | null = null;
  sentNonce: string | null = null;
  /** A response is on its way and neither ACK nor NACK has come. */
  awaiting = false;
  ackedVersion: string | null = null;
  /** What the client said to the last response, if it was no. */
  nack: Nack | null = null;
  /** All is wanted. */
  wildcard = false;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  /** Names, where not all are wanted, or besides. */
  abstract get names(): ReadonlySet<string>;

  status(): TypeStatus {
    const { names, wildcard, sentVersion, ackedVersion, nack } = this;
    return { subscribed: [...(wildcard ? ['*'] : []), ...names], sentVersion, ackedVersion, nack };
  }
}
