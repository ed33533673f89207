/** What a step asks of both sides, and by what the feed changes before. What is not named stays as it was. */
export interface Step {
  /** Virtual hosts, as a YAML list. */
  readonly routes?: string;
  /** Endpoints (recorders) of clusters by name; null takes the cluster and its endpoints away. */
  readonly clusters?: Readonly<Record<string, readonly string[] | null>>;
  /** Endpoints alone: the cluster stays as it is; null takes the assignment away. */
  readonly endpoints?: Readonly<Record<string, readonly string[] | null>>;
  /** Fields of a cluster besides, as YAML. */
  readonly fields?: Readonly<Record<string, string>>;
  /** The connection manager's fields, as YAML; null takes the listener away. */
  readonly manager?: string | null;
  /** True: both refuse what is new in this step, and what was before stays in force. */
  readonly refused?: boolean;
  /** A call that arrives at a recorder before the change, and is answered after it. */
  readonly during?: string;
  /** Request lines; clusters are recorders here. */
  readonly asks?: readonly string[];
}

/** A feed that changes. Its clusters are called A, B, C, D, and no other dialogue sees them. */
export interface Dialogue {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly pending?: string;
}
