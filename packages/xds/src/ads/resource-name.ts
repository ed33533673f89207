const scheme = 'xdstp:';

/** `xdstp://authority/type/id?context#directives`; context and directives may be missing. */
const pattern = /^xdstp:\/\/([^/?#]*)(\/[^?#]*)(?:\?([^#]*))?(?:#.*)?$/;

/**
 * The one form of a name that is written in several ways (gRFC A47): context parameters are sorted by their keys, and
 * directives, which say how to read a name and not what it names, are left out. Names without `xdstp:` are their own form, and so are malformed ones.
 */
export function canonicalName(name: string): string {
  if (!name.startsWith(scheme)) return name;
  const match = pattern.exec(name);
  if (match === null) return name;
  const [, authority, path, context = ''] = match;
  const parameters = context.split('&').filter((parameter) => parameter !== '');
  const byKey = new Map<string, string>();
  for (const parameter of parameters) {
    const key = parameter.split('=', 1)[0] ?? '';
    if (!byKey.has(key)) byKey.set(key, parameter); // Of a key that is there twice, the first, as in grpc-go.
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, parameter]) => parameter);
  return `${scheme}//${authority}${path}${sorted.length === 0 ? '' : `?${sorted.join('&')}`}`;
}

/** The authority of an `xdstp:` name, which may be empty; null for a name of the old kind, undefined for a malformed one. */
export function authorityOf(name: string): string | null | undefined {
  if (!name.startsWith(scheme)) return null;
  return pattern.exec(name)?.[1];
}
