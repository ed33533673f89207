import { createMesh } from 'inmesh';
import { Pool, request } from 'undici';
import { AUTHORITY, CALLER_HEADERS, PATH } from './feed.ts';
import { SameWork } from './same-work.ts';

/** Who is measured: one call, from the entry point that users call to the last byte of the body. */
export interface Subject {
  readonly name: string;
  call(): Promise<void>;
}

export interface SubjectParts {
  /** The endpoints. */
  readonly ports: readonly number[];
  readonly controlPlane: string;
  /** Where Envoy's one and two hops begin; null where there is no Envoy. */
  readonly envoys: { readonly one: number; readonly two: number } | null;
}

const URL_OF_SERVICE = `http://${AUTHORITY}${PATH}`;
const headers = CALLER_HEADERS;

/** In the order of the table. */
export async function makeSubjects({ ports, controlPlane, envoys }: SubjectParts): Promise<Subject[]> {
  const mesh = await createMesh({
    bootstrapConfig: JSON.stringify({
      xds_servers: [{ server_uri: controlPlane, channel_creds: [{ type: 'insecure' }] }],
      node: { id: 'bench' },
    }),
    services: [URL_OF_SERVICE],
  });
  await mesh.ready();
  const direct = `http://127.0.0.1:${ports[0]}${PATH}`;
  const subjects = [
    undici('undici', new SameWork(ports, AUTHORITY)),
    undici('undici-again', new SameWork(ports, AUTHORITY)),
    undici('undici-pool', new Pool(`http://127.0.0.1:${ports[0]}`)),
    undici('inmesh', mesh.dispatcher),
    fetching('fetch', () => fetch(direct, { headers })),
    fetching('inmesh-fetch', () => mesh.fetch(URL_OF_SERVICE, { headers })),
  ];
  if (envoys !== null) {
    subjects.push(undici('envoy-1', new ThroughEnvoy(envoys.one)), undici('envoy-2', new ThroughEnvoy(envoys.two)));
  }
  return subjects;
}

type Options = NonNullable<Parameters<typeof request>[1]>;

function undici(name: string, dispatcher: NonNullable<Options['dispatcher']>): Subject {
  const options: Options = { dispatcher, headers };
  return {
    name,
    async call() {
      const { statusCode, body } = await request(URL_OF_SERVICE, options);
      await body.arrayBuffer();
      if (statusCode !== 200) throw new Error(`${name} was answered ${statusCode}`);
    },
  };
}

function fetching(name: string, send: () => Promise<Response>): Subject {
  return {
    name,
    async call() {
      const response = await send();
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${name} was answered ${response.status}`);
    },
  };
}

/** A caller beside a sidecar: one bare Pool to it, the service's name as `Host`. */
class ThroughEnvoy extends Pool {
  constructor(port: number) {
    super(`http://127.0.0.1:${port}`);
  }

  override dispatch(...[options, handler]: Parameters<Pool['dispatch']>): boolean {
    const { path, method, body = null } = options;
    return super.dispatch({ path, method, body, headers: { host: AUTHORITY, ...headers } }, handler);
  }
}
