import type { ClusterStats } from '@inmesh/api/gen/envoy/config/endpoint/v3/load_report_pb';
import type { ControlPlaneEvent } from './events.ts';
import { resourceType } from './resource-type.ts';

/** An event as one line for people. */
export function describeEvent(event: ControlPlaneEvent): string {
  switch (event.type) {
    case 'loaded': {
      const from = event.node === null ? `${count(event.files, 'file')}` : `code, for ${event.node}`;
      return `loaded      ${count(event.resources, 'resource')} from ${from}`;
    }
    case 'bad-file':
      return `bad file    ${oneLine(event.error.message)} (${event.stillServed ? 'its last good version stays served' : 'nothing of it is served'})`;
    case 'connected':
      return `connected   ${nodeName(event.node)} at ${event.peer}${event.userAgent === '' ? '' : `, ${event.userAgent}`}`;
    case 'disconnected':
      return `left        ${nodeName(event.node)} at ${event.peer}: ${oneLine(event.reason)}`;
    case 'sent':
      return `sent        ${typeShort(event.typeUrl)} ${event.version} to ${nodeName(event.node)}: ${count(event.resources, 'resource')}`;
    case 'ack':
      return `ACK         ${typeShort(event.typeUrl)} ${event.version} by ${nodeName(event.node)}`;
    case 'nack':
      return `NACK        ${typeShort(event.typeUrl)} ${event.version} by ${nodeName(event.node)}: ${oneLine(event.message)}`;
    case 'load':
      return `load        of ${nodeName(event.node)}: ${event.clusters.map(clusterLoad).join(', ')}`;
  }
}

function clusterLoad({ clusterName, upstreamLocalityStats, totalDroppedRequests }: ClusterStats): string {
  let issued = 0n;
  let errors = 0n;
  for (const locality of upstreamLocalityStats) {
    issued += locality.totalIssuedRequests;
    errors += locality.totalErrorRequests;
  }
  const dropped = totalDroppedRequests === 0n ? '' : `, ${totalDroppedRequests} dropped`;
  return `${oneLine(clusterName)} ${count(Number(issued), 'call')}, ${count(Number(errors), 'error')}${dropped}`;
}

const shortNames: ReadonlyMap<string, string> = new Map([
  [resourceType.listener, 'LDS'],
  [resourceType.route, 'RDS'],
  [resourceType.cluster, 'CDS'],
  [resourceType.endpoints, 'EDS'],
]);

function typeShort(typeUrl: string): string {
  return shortNames.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}

function nodeName(id: string): string {
  return id === '' ? 'a node without id' : id;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** A client's message comes from outside: it must not forge lines or move the cursor. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}
