import { type Clock, type CommonTlsContext, isMeshError, type RegexEngine } from '@inmesh/core';
import { type FileContents, FollowedFiles } from '../files/followed-files.ts';
import type { WatchDirectory } from '../files/watch-directory.ts';
import { buildMaterial } from '../material/build-material.ts';
import type { MakeSecureContext } from '../material/secure-contexts.ts';
import type { BuiltMaterial, CertificateSummary, NamedCertificate } from '../material-parts.ts';
import type { TlsMaterial } from '../tls-material.ts';
import { ContextSources, type ContextSourcesParts, type ContextValues } from './context-sources.ts';
import { rootsName } from './gauge-names.ts';
import type { Rebuilds } from './rebuilds.ts';
import { salvage } from './salvage.ts';
import { type Environment, LookReader, type SourceFiles, sourceFiles } from './source-files.ts';

/** Milliseconds between two looks at files where the system tells of no change. */
const REFRESH_MS = 30_000;

export interface SharedContextParts extends ContextSourcesParts {
  readonly regex: RegexEngine;
  readonly clock: Clock;
  readonly environment: Environment;
  readonly watchDirectory: WatchDirectory;
  readonly makeSecureContext: MakeSecureContext;
  readonly rebuilds: Rebuilds;
  /** What is wrong while an older version stays in force. */
  readonly onWarning: (warning: Error) => void;
}

/** What its users hear. */
export interface SharedContextEvents {
  settledNow(): void;
  rotated(): void;
}

/** A certificate of ours or of whom we trust, where it came from, and the name of its gauges. */
export interface HeldCertificate extends CertificateSummary {
  readonly source: string;
  readonly name: string;
}

interface InForce {
  readonly values: ContextValues;
  readonly material: TlsMaterial;
  /** The first of its certificates that ends; null where there are none. */
  readonly first: HeldCertificate | null;
}

/**
 * The material of all contexts of one content. What is of no use leaves what was in force as it is, until its time is over: then
 * there is none, because a peer would refuse it with less to say.
 */
export class SharedContext {
  readonly #common: CommonTlsContext;
  readonly #parts: SharedContextParts;
  readonly #sources: ContextSources;
  readonly #users = new Set<SharedContextEvents>();
  #files: FollowedFiles | null = null;
  /** Files that only whoever builds knows of. */
  readonly #more = new Set<string>();
  #inForce: InForce | null = null;
  #own: readonly HeldCertificate[] = [];
  #roots: readonly HeldCertificate[] = [];
  #reason = '';
  #settled = false;
  #warned = '';
  #released = false;

  constructor(common: CommonTlsContext, parts: SharedContextParts) {
    this.#common = common;
    this.#parts = parts;
    let open = false;
    this.#sources = new ContextSources(common, parts, {
      // Sources may tell what they know while they are opened.
      changed: () => open && this.#changed(),
      warning: (reason) => this.#warn(reason),
    });
    open = true;
    this.#update();
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Those of ours that were taken last; one whose time is over without another to follow is still among them. */
  get own(): readonly HeldCertificate[] {
    return this.#own;
  }

  get roots(): readonly HeldCertificate[] {
    return this.#roots;
  }

  /** What to connect with, or why there is nothing. */
  current(): TlsMaterial | string {
    if (this.#parts.rebuilds.take(this.#rebuild)) this.#update();
    const first = this.#inForce?.first ?? null;
    if (first !== null && first.notAfter <= this.#parts.clock.wallNow()) this.#outlived(first);
    return this.#inForce?.material ?? this.#reason;
  }

  addUser(user: SharedContextEvents): void {
    this.#users.add(user);
  }

  /** False where it was the last one. */
  removeUser(user: SharedContextEvents): boolean {
    this.#users.delete(user);
    return this.#users.size > 0;
  }

  release(): void {
    this.#released = true;
    this.#parts.rebuilds.take(this.#rebuild);
    this.#files?.end();
    this.#sources.release();
  }

  readonly #rebuild = (): void => this.#update();

  /** What is in force serves until its turn comes; what must not be used any more is out of force at once. */
  #changed(): void {
    const { rebuilds } = this.#parts;
    if (this.#inForce !== null && this.#sources.now().state === 'known') {
      rebuilds.later(this.#rebuild);
      return;
    }
    rebuilds.take(this.#rebuild);
    this.#update();
  }

  #update(): void {
    if (this.#released) return;
    const now = this.#sources.now();
    if (now.state === 'waiting') return;
    this.#stopReading();
    if (now.state === 'known') {
      this.#read(now.value);
      return;
    }
    const had = this.#inForce !== null;
    this.#inForce = null;
    this.#reason = now.reason;
    this.#settle();
    // Connections that were made with what is gone are let go as after a renewal.
    if (had) this.#tell((user) => user.rotated());
  }

  #stopReading(): void {
    this.#files?.end();
    this.#files = null;
  }

  #read(values: ContextValues): void {
    const known = this.#more.size;
    const { files, directories } = sourceFiles(values);
    const all = [...new Set([...files, ...this.#more])];
    if (all.length === 0) this.#readNow(values);
    else this.#files = this.#follow({ files: all, directories }, values);
    if (this.#more.size === known) return;
    this.#stopReading();
    this.#read(values);
  }

  #readNow(values: ContextValues): void {
    try {
      this.#build(values, new Map());
    } catch (error) {
      const old = this.#inForce?.values;
      if (old !== undefined) salvage(old, values, (some) => this.#canBuild(some));
      this.#bad(reasonOf(error));
    }
  }

  #canBuild(values: ContextValues): boolean {
    try {
      this.#build(values, new Map());
      return true;
    } catch {
      return false;
    }
  }

  #follow(files: SourceFiles, values: ContextValues): FollowedFiles {
    const { clock, watchDirectory } = this.#parts;
    return new FollowedFiles(
      { ...files, refreshMs: REFRESH_MS, clock, watchDirectory },
      {
        read: (contents) => this.#build(values, contents),
        failed: (error) => this.#bad(reasonOf(error)),
        recovered: () => this.#well(),
      },
    );
  }

  /** Throws where nothing of use comes of it. A certificate that has expired is left out, if there is another one. */
  #build(values: ContextValues, contents: FileContents): void {
    const { certificates, validation } = values;
    const { regex, clock, environment, makeSecureContext } = this.#parts;
    const reader = new LookReader(contents, environment, this.#more);
    const make = (some: readonly NamedCertificate[]): BuiltMaterial =>
      buildMaterial({ certificates: some, validation, common: this.#common, reader, regex, clock, makeSecureContext });
    const all = make(certificates);
    const good = certificates.filter((_, index) => all.own[index]!.notAfter > clock.wallNow());
    if (good.length === 0 && certificates.length > 0) throw new Error(expired(certificates[0]!.source, all.own[0]!));
    const built = good.length === certificates.length ? all : make(good);
    const own = built.own.map((summary, index) => ({ ...summary, ...sourceOf(good[index]!) }));
    const held = { source: validation?.source ?? '', name: rootsName(this.#common, validation?.context ?? null) };
    this.#inForce = {
      values,
      material: built.material,
      first: own.toSorted((a, b) => a.notAfter - b.notAfter)[0] ?? null,
    };
    this.#own = own;
    this.#roots = built.roots.map((summary) => ({ ...summary, ...held }));
    this.#well();
    if (this.#settled) this.#tell((user) => user.rotated());
    else this.#settle();
  }

  /** The rest goes on without it; or, where nothing is left, nothing does. */
  #outlived(certificate: HeldCertificate): void {
    this.#inForce = null;
    this.#reason = expired(certificate.source, certificate);
    this.#update();
  }

  #bad(reason: string): void {
    if (this.#inForce !== null) {
      this.#warn(reason);
      return;
    }
    this.#reason = reason;
    this.#settle();
  }

  #warn(reason: string): void {
    if (reason === this.#warned) return;
    this.#warned = reason;
    this.#parts.onWarning(new Error(`TLS: ${reason}; what was in force stays so`));
  }

  #well(): void {
    this.#warned = '';
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#tell((user) => user.settledNow());
  }

  #tell(say: (user: SharedContextEvents) => void): void {
    for (const user of [...this.#users]) say(user);
  }
}

function expired(source: string, { notAfter }: CertificateSummary): string {
  return `the certificate of ${source} expired at ${new Date(notAfter).toISOString()}: renew it, or see why nobody does`;
}

function sourceOf({ source, name }: NamedCertificate): Pick<HeldCertificate, 'source' | 'name'> {
  return { source, name };
}

/** What is of no use stands before what is wrong with it. */
function reasonOf(error: unknown): string {
  if (!isMeshError(error)) return error instanceof Error ? error.message : String(error);
  const { resource } = error.place;
  return resource === undefined ? error.reason : `${resource}: ${error.reason}`;
}
