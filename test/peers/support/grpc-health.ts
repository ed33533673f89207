import { type Mesh, meshErrorOf } from 'inmesh';

/** Messages of gRPC's health service, as bytes: a request for the whole server, and one for a service by name. */
export const WHOLE_SERVER = Buffer.alloc(0);
export const healthOf = (service: string): Buffer =>
  Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)]);
/** `status: SERVING`. */
export const SERVING = '0801';

/** What came of a call. */
export interface GrpcOutcome {
  /** Of HTTP. */
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Messages of the answer, in hex. */
  readonly messages: readonly string[];
  readonly trailers: Readonly<Record<string, unknown>>;
  /** Response flag and text, where the mesh answered. */
  readonly flag: string | null;
  readonly error: string;
}

/** A unary call as gRPC writes it on HTTP/2, made by hand: what a client of gRPC would send through the mesh. */
export async function checkHealth(mesh: Mesh, service: string, message: Buffer = WHOLE_SERVER): Promise<GrpcOutcome> {
  const response = await mesh.dispatcher.request({
    origin: `http://${service}`,
    path: '/grpc.health.v1.Health/Check',
    method: 'POST',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    body: frame(message),
  });
  const error = meshErrorOf(response);
  const body = Buffer.from(await response.body.arrayBuffer());
  return {
    status: response.statusCode,
    headers: response.headers,
    messages: error === null ? messagesOf(body) : [],
    trailers: response.trailers,
    flag: error?.flag ?? null,
    error: error?.message ?? '',
  };
}

/** Watches a service's health: answers with the first message, when that is there, and leaves. */
export async function firstOfWatch(mesh: Mesh, service: string): Promise<string> {
  const response = await mesh.dispatcher.request({
    origin: `http://${service}`,
    path: '/grpc.health.v1.Health/Watch',
    method: 'POST',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    body: frame(WHOLE_SERVER),
  });
  // The server says no more, and does not end: a whole message must come out of the mesh at once.
  let bytes = Buffer.alloc(0);
  for await (const chunk of response.body) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    const [message] = messagesOf(bytes);
    // Leaving the loop destroys the body, which resets the stream.
    if (message !== undefined) return message;
  }
  throw new Error('the stream ended without a message');
}

/** A message with its prefix: not compressed, and its length. */
function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function messagesOf(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(at + 5, end).toString('hex'));
    at = end;
  }
  return messages;
}
