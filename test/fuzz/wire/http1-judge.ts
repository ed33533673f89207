import { checkBody, checkHeaders, isBodiless, type Taken } from './taken.ts';

const NONE: ReadonlySet<string> = new Set();

/** Throws where the bytes that a server sent are no answer such as was taken. It is as lenient as any parser may be, but for lengths. */
export function judgeHttp1(taken: Taken, bytes: Buffer): void {
  const { status, headers, body, trailers } = taken;
  checkHeaders(headers, NONE);
  checkHeaders(trailers, NONE);
  const rest = afterHead(bytes, status);
  const lengths = new Set((headers.get('content-length') ?? '').split(',').map((one) => one.trim()));
  lengths.delete('');
  const coding = headers.get('transfer-encoding');
  if (lengths.size > 1) throw new Error(`took one of several lengths: ${[...lengths]}`);
  if (lengths.size > 0 && coding !== undefined) throw new Error('took an answer that has both a length and chunks');
  const [length] = lengths;
  if (isBodiless(taken)) checkBody(body, Buffer.alloc(0));
  else if (coding !== undefined && /(^|,)[ \t]*chunked[ \t]*$/i.test(coding)) checkBody(body, unchunked(rest));
  else if (length !== undefined) checkBody(body, wholly(rest, Number(length)));
  else checkBody(body, rest);
}

/** What comes after the head of the answer with this status. */
function afterHead(bytes: Buffer, status: number): Buffer {
  let rest = bytes.toString('latin1');
  for (;;) {
    rest = rest.replace(/^[\r\n]+/, '');
    const head = /^[\s\S]*?\r?\n\r?\n/.exec(rest);
    if (head === null) throw new Error('took an answer whose head does not end');
    const line = /^HTTP\/\d\.\d +(\d{3})/.exec(rest);
    if (line === null) throw new Error(`took ${JSON.stringify(rest.slice(0, 30))} for a status line`);
    rest = rest.slice(head[0].length);
    const found = Number(line[1]);
    if (found >= 100 && found < 200 && found !== status) continue;
    if (found !== status) throw new Error(`took ${found} for ${status}`);
    return Buffer.from(rest, 'latin1');
  }
}

function wholly(rest: Buffer, length: number): Buffer {
  if (!(length <= rest.length)) throw new Error(`took ${rest.length} bytes for all of ${length}`);
  return rest.subarray(0, length);
}

function unchunked(rest: Buffer): Buffer {
  const text = rest.toString('latin1');
  const parts: string[] = [];
  for (let at = 0; ; ) {
    const line = /^([0-9a-f]+)[^\n]*\n/i.exec(text.slice(at, at + 70_000));
    if (line === null) throw new Error('took chunks that do not end for a whole body');
    const length = Number.parseInt(line[1] as string, 16);
    at += line[0].length;
    if (length === 0) {
      if (!/(^|\n)\r?\n/.test(text.slice(at))) throw new Error('took trailers that do not end');
      return Buffer.from(parts.join(''), 'latin1');
    }
    parts.push(text.slice(at, at + length));
    at += length;
    at += /^\r?\n/.exec(text.slice(at, at + 2))?.[0].length ?? 0;
  }
}
