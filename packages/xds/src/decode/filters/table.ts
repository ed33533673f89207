import { typeNameOf } from '@inmesh/api';
import { asFilterType, type FilterTypes, type OwnFilter } from '@inmesh/core';
import { alpnRow } from './alpn.ts';
import { bufferRow } from './buffer.ts';
import { compositeRow, extensionWithMatcherRow } from './composite.ts';
import { corsRow } from './cors.ts';
import { csrfRow } from './csrf.ts';
import { faultRow } from './fault.ts';
import { headerMutationRow } from './header-mutation.ts';
import { headerToMetadataRow } from './header-to-metadata.ts';
import { localRateLimitRow } from './local-ratelimit.ts';
import { peerMetadataRow } from './peer-metadata.ts';
import { rbacRow } from './rbac.ts';
import { FilterTable } from './row.ts';
import { setMetadataRow } from './set-metadata.ts';
import { statefulSessionRow } from './stateful-session.ts';

/** The filters that the mesh brings: each row leads from the message of the Envoy API to what it does to calls. */
export const httpFilters: FilterTable = new FilterTable([
  alpnRow,
  bufferRow,
  compositeRow,
  corsRow,
  csrfRow,
  extensionWithMatcherRow,
  faultRow,
  headerMutationRow,
  headerToMetadataRow,
  localRateLimitRow,
  peerMetadataRow,
  rbacRow,
  setMetadataRow,
  statefulSessionRow,
]);

/** Finds filters of the application's own first, by the name of the entry or by its type URL, then those of the table. */
export function filterTypes(table: FilterTable, own: { readonly [nameOrType: string]: OwnFilter } = {}): FilterTypes {
  const byName = new Map(Object.entries(own).map(([key, filter]) => [key, asFilterType(filter)]));
  return (name, typeUrl) => {
    const typeName = typeNameOf(typeUrl);
    return byName.get(name) ?? byName.get(typeUrl) ?? byName.get(typeName) ?? table.find(typeName)?.type ?? null;
  };
}
