import { allKinds } from '@inmesh/xds';
import { titleOf } from './feed-text.ts';
import { parseCommandLine, UsageError } from './usage.ts';

export interface FeedArguments {
  /** Listeners by name, or URLs of services. */
  readonly names: readonly string[];
  readonly bootstrap: string | undefined;
  readonly within: number;
  readonly types: ReadonlySet<string>;
  readonly all: boolean;
  readonly watch: boolean;
  readonly json: boolean;
  readonly contents: boolean;
}

export function readArguments(args: readonly string[]): FeedArguments {
  const { values, positionals } = parseCommandLine({
    args: [...args],
    allowPositionals: true,
    options: {
      bootstrap: { type: 'string' },
      within: { type: 'string', default: '5000' },
      type: { type: 'string', multiple: true, default: [] },
      all: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      contents: { type: 'boolean', default: false },
    },
  });
  if (!/^\d{1,9}$/.test(values.within))
    throw new UsageError(`--within ${values.within}: give a number of milliseconds`);
  return {
    names: positionals,
    bootstrap: values.bootstrap,
    within: Number(values.within),
    types: new Set(values.type.map(typeOf)),
    all: values.all,
    watch: values.watch,
    json: values.json,
    contents: values.contents,
  };
}

const shortNames: Readonly<Record<string, string>> = {
  lds: 'listener',
  rds: 'routeConfiguration',
  cds: 'cluster',
  eds: 'clusterLoadAssignment',
};

function typeOf(text: string): string {
  const kind =
    shortNames[text.toLowerCase()] ?? allKinds.find((each) => text.toLowerCase() === titleOf(each).toLowerCase());
  if (kind !== undefined) return kind;
  throw new UsageError(`--type ${text}: it is none of ${allKinds.map(titleOf).join(', ')}, LDS, RDS, CDS, EDS`);
}
