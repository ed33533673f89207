import { type Clock, type MeshError, systemClock } from '@inmesh/core';
import type { ListenAt } from '@inmesh/transports/rpc';
import { AdsServer, type AdsVariant, type NodeStatus } from './ads-server.ts';
import type { ControlPlaneEvent, OnEvent } from './events.ts';
import { Folder } from './folder.ts';
import type { LoadReportOptions } from './load-reports.ts';
import { duplicateError, type Resource, type ResourceInput, resourcesFrom } from './resource.ts';
import { Snapshot } from './snapshot.ts';

export interface ControlPlaneOptions {
  /** A folder of YAML or JSON files (`resources: [{ "@type": … }]`), read again on change. Default: none. */
  readonly folder?: string;
  /** Resources from code, served beside those of the folder. Default: none. */
  readonly resources?: Iterable<ResourceInput>;
  /** Default: any free port of 127.0.0.1, because this server asks nobody who they are. */
  readonly listen?: ListenAt;
  /** The variants of ADS that are served; others get UNIMPLEMENTED. Default: both. */
  readonly variants?: readonly AdsVariant[];
  /** What clients are asked to report of their load; `load` events tell it. Default: nothing, the service is not there. */
  readonly loadReports?: LoadReportOptions;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Hears what happens. Default: nobody. */
  readonly onEvent?: OnEvent;
}

export interface ControlPlaneStatus {
  /** Versions and counts of what is served to nodes without resources of their own, by type URL. */
  readonly types: Readonly<Record<string, { readonly version: string; readonly resources: number }>>;
  readonly files: readonly { readonly file: string; readonly error: string | null }[];
  readonly nodes: readonly NodeStatus[];
}

export interface ControlPlane extends AsyncDisposable {
  /** A gRPC target: `host:port` or `unix:path`. */
  readonly address: string;
  /**
   * Replaces the resources that came from code. With `node`, those of one node, which then gets these and nothing else;
   * null gives it again what all get. Throws `MeshError('invalid_config')`, and nothing changes, if one cannot be used.
   */
  update(resources: Iterable<ResourceInput>): void;
  update(resources: Iterable<ResourceInput> | null, options: { readonly node: string }): void;
  /** Reads the folder now, without waiting for the file system to tell of a change. */
  reload(): Promise<void>;
  status(): ControlPlaneStatus;
  /** Asks clients for other reports of their load, where `loadReports` was given at the start. */
  askLoad(options: LoadReportOptions): void;
  /** Ends all streams with UNAVAILABLE and stops listening. */
  close(): Promise<void>;
}

/** Starts an ADS server for development, demos and tests; the feed comes from a folder, from code, or both. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const plane = new EmbeddedControlPlane(options);
  await plane.start(options.listen ?? { port: 0 });
  return plane;
}

class EmbeddedControlPlane implements ControlPlane {
  address = '';
  readonly #server: AdsServer;
  readonly #folder: Folder | null;
  readonly #onEvent: OnEvent;
  readonly #byNode = new Map<string, Snapshot>();
  #fromCode: readonly Resource[];
  #fromFolder: readonly Resource[] = [];
  #files = 0;
  #loaded = false;
  #snapshot = Snapshot.empty;
  #closed: Promise<void> | null = null;

  constructor(options: ControlPlaneOptions) {
    const { folder, resources = [], clock = systemClock, onEvent = () => {} } = options;
    this.#onEvent = onEvent;
    this.#server = new AdsServer(
      'inmesh-control-plane',
      clock,
      onEvent,
      options.variants ?? ['sotw', 'delta'],
      options.loadReports ?? null,
    );
    this.#fromCode = resourcesFrom(resources);
    this.#folder =
      folder === undefined
        ? null
        : new Folder({
            path: folder,
            clock,
            onResources: (read, files) => this.#takeFolder(read, files),
            onBadFile: (file, error, stillServed) => this.#tell({ type: 'bad-file', file, error, stillServed }),
          });
  }

  async start(at: ListenAt): Promise<void> {
    if (this.#folder === null) this.#serve(this.#fromCode, []);
    try {
      await this.#folder?.start();
      this.address = await this.#server.listen(at);
    } catch (error) {
      this.#folder?.close();
      throw error;
    }
  }

  update(resources: Iterable<ResourceInput> | null, { node = null }: { readonly node?: string | null } = {}): void {
    if (node !== null) this.#updateNode(node, resources);
    else this.#serve(resourcesFrom(resources ?? []), this.#fromFolder);
  }

  async reload(): Promise<void> {
    await this.#folder?.reload();
  }

  status(): ControlPlaneStatus {
    const types: Record<string, { version: string; resources: number }> = {};
    for (const [typeUrl, { version, resources }] of this.#snapshot.types) {
      types[typeUrl] = { version, resources: resources.size };
    }
    return { types, files: this.#folder?.files() ?? [], nodes: this.#server.nodes() };
  }

  askLoad(options: LoadReportOptions): void {
    this.#server.askLoad(options);
  }

  close(): Promise<void> {
    this.#folder?.close();
    this.#closed ??= this.#server.close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #updateNode(node: string, resources: Iterable<ResourceInput> | null): void {
    if (resources === null) {
      this.#byNode.delete(node);
      this.#server.clearSnapshot(node);
      return;
    }
    const snapshot = (this.#byNode.get(node) ?? this.#server.snapshotFor(node)).next(resourcesFrom(resources));
    this.#byNode.set(node, snapshot);
    this.#tell({ type: 'loaded', files: 0, resources: snapshot.size, node });
    this.#server.setSnapshot(snapshot, node);
  }

  #takeFolder(read: readonly Resource[], files: number): void {
    this.#files = files;
    const names = new Map(this.#fromCode.map((resource) => [`${resource.typeUrl} ${resource.name}`, resource]));
    const unclaimed = read.filter((resource) => {
      const other = names.get(`${resource.typeUrl} ${resource.name}`);
      if (other !== undefined) this.#tellClaimed(resource, duplicateError(other, resource));
      return other === undefined;
    });
    this.#serve(this.#fromCode, unclaimed);
  }

  #tellClaimed(resource: Resource, error: MeshError): void {
    this.#tell({ type: 'bad-file', file: resource.origin.replace(/:\d+:\d+$/, ''), error, stillServed: true });
  }

  #serve(fromCode: readonly Resource[], fromFolder: readonly Resource[]): void {
    const snapshot = this.#snapshot.next([...fromCode, ...fromFolder]);
    this.#fromCode = fromCode;
    this.#fromFolder = fromFolder;
    if (this.#loaded && snapshot === this.#snapshot) return;
    this.#loaded = true;
    this.#snapshot = snapshot;
    this.#tell({ type: 'loaded', files: this.#files, resources: snapshot.size, node: null });
    this.#server.setSnapshot(snapshot, null);
  }

  #tell(event: ControlPlaneEvent): void {
    this.#onEvent(event);
  }
}
