/** Which of several SVIDs is ours. Default: the first, which is the default identity. (SPIFFE Workload API, section 5.3) */
export interface SvidChoice {
  /** The operator's word for what an SVID is for, such as `internal`. */
  readonly hint?: string | undefined;
  readonly spiffeId?: string | undefined;
}

interface Named {
  readonly spiffeId: string;
  readonly hint: string;
}

/** Null where none is meant. Of several with the same hint it is the first. (section 5.2.1) */
export function chooseSvid<T extends Named>(svids: readonly T[], { hint, spiffeId }: SvidChoice): T | null {
  const found = svids.find(
    (svid) => (hint === undefined || svid.hint === hint) && (spiffeId === undefined || svid.spiffeId === spiffeId),
  );
  return found ?? null;
}

/** For an error: what was looked for, and what there was. */
export function noSuchSvid(svids: readonly Named[], { hint, spiffeId }: SvidChoice): string {
  const wanted = [
    ...(hint === undefined ? [] : [`hint "${hint}"`]),
    ...(spiffeId === undefined ? [] : [`id ${spiffeId}`]),
  ];
  const there = svids.map((svid) => (svid.hint === '' ? svid.spiffeId : `${svid.spiffeId} ("${svid.hint}")`));
  return `no SVID has ${wanted.join(' and ')}; there are ${there.join(', ')}`;
}
