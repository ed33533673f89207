import type { ExplainedCluster, ExplainedRoute, ExplainedTransport, Explanation } from '../explain/explanation.ts';

/** Routes shown of a long table: these first ones, and these around the chosen one. */
const FIRST = 10;
const AROUND = 2;

/** An explanation as an operator reads it, from what was asked to the reasons in words. */
export function explanationText(explanation: Explanation): string {
  const { url, method, verdict, why, filters, rules, clusters, flavour, origin } = explanation;
  const places = [
    ['listener', explanation.listener],
    ['route configuration', explanation.routeConfiguration],
    ['virtual host', explanation.virtualHost],
  ].flatMap(([label, name]) => (name === null ? [] : [[label, name] as [string, string]]));
  return [
    `${method} ${url}: ${verdict}`,
    ...indented(table(places)),
    ...section('routes', routeLines(explanation.routes)),
    ...section(
      'filters',
      table(
        filters.map(({ name, state, overriddenAt: at }) => [name, state, at.map((level) => `(${level})`).join(' ')]),
      ),
    ),
    ...section('rules', table(rules.map(({ field, value, from }) => [field, `(${from})`, value]))),
    ...section('clusters', clusters.flatMap(clusterLines)),
    `  feed: ${flavour.name ?? 'of a flavour not known yet'} (${flavour.why}), from ${origin}`,
    ...flavour.lacks.map((lack) => `    without ${lack}`),
    ...section('why', why),
  ].join('\n');
}

function routeLines(routes: readonly ExplainedRoute[]): string[] {
  const chosen = routes.find((route) => route.chosen)?.position ?? 0;
  const isShown = ({ position }: ExplainedRoute) => position <= FIRST || Math.abs(position - chosen) <= AROUND;
  const rows = table(
    routes
      .filter(isShown)
      .map((route) => [`${route.chosen ? '→' : ' '} ${route.position}`, route.name, verdictOf(route)]),
  );
  let skipped = 0;
  const lines: string[] = [];
  const tell = () => {
    if (skipped > 0) lines.push(`  … ${skipped} more (--json shows them)`);
    skipped = 0;
  };
  for (const route of routes) {
    if (!isShown(route)) {
      skipped++;
      continue;
    }
    tell();
    lines.push(rows.shift() as string);
  }
  tell();
  return lines;
}

function verdictOf({ missing, chosen, asks }: ExplainedRoute): string {
  if (missing !== null) return missing;
  return `${chosen ? 'matches' : 'matches, too, but comes later'}: ${asks.join('; ')}`;
}

function clusterLines(cluster: ExplainedCluster): string[] {
  const { name, share, type, lbPolicy, request, error, endpoints, transports } = cluster;
  const kind = [type, lbPolicy].filter((each) => each !== '');
  return [
    `${name} (${[`${Math.round(share * 1000) / 10} %`, ...kind].join(', ')})`,
    `  is asked for ${request.method} ${request.authority}${request.path}`,
    ...(error === null ? [] : [`  ${error}`]),
    ...indented(transports.filter(isWorthTelling).flatMap(transportLines)),
    ...indented(
      table(
        endpoints.map(({ address, health, weight, priority, locality }) => {
          return [address, health, `weight ${weight}`, `priority ${priority}`, locality];
        }),
      ),
    ),
  ];
}

/** Plain HTTP/1 to all is what a cluster is where the feed says no more. */
function isWorthTelling({ socket, layers, protocol }: ExplainedTransport): boolean {
  return socket !== 'default' || layers.join() !== 'raw_buffer' || protocol !== 'http1';
}

function transportLines({ socket, layers, protocol, tls, endpoints, error }: ExplainedTransport): string[] {
  const to = endpoints.length === 1 ? '1 endpoint' : `${endpoints.length} endpoints`;
  const head = `connects by ${layers.join(', then ')} and ${protocol} to ${to} (transport socket ${socket})`;
  if (tls === null) return [head, ...(error === null ? [] : [`  ${error}`])];
  const { alpn, serverName, expects, certificates } = tls;
  return [
    head,
    ...(error === null ? [] : [`  ${error}`]),
    `  offers ${alpn.join(', ')}${serverName === '' ? '' : ` to ${serverName}`}`,
    ...expects.map((each) => `  expects ${each}`),
    ...certificates.map(({ source, names, expires }) => `  as ${names.join(', ')} (${source}, until ${expires})`),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Rows in columns, two blanks between them. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
}
