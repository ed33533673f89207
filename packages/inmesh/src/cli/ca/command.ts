import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '@inmesh/core';
import type { CommandIo } from '../io.ts';
import { type CaArguments, readCaArguments } from './arguments.ts';
import { howTo } from './how-to.ts';
import { openTrustDomain, ROOT_CERTIFICATE, type TrustDomain } from './trust-domain.ts';
import { issueWorkload, listWorkloads, type Workload, workloadUri } from './workload.ts';

/** Milliseconds between two looks for certificates to renew, at most: others may issue into the same folder. */
const LOOK_MS = 60_000;

/** A trust domain in a folder: makes it, issues certificates of workloads, renews them, lists them. For development and tests. */
export async function caCommand(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  const wanted = readCaArguments(args);
  const domain = await openTrustDomain(wanted.folder, wanted.trustDomain, clock);
  if (domain.made) {
    io.out(`made the trust domain ${domain.name}: others must trust ${join(wanted.folder, ROOT_CERTIFICATE)}`);
  }
  const uris = wanted.workloads.map((text) => workloadUri(text, domain.name));
  for (const uri of uris) {
    const names = { uri, dnsNames: wanted.dnsNames, ips: wanted.ips };
    const workload = await issueWorkload(wanted.folder, domain, names, wanted, clock);
    io.out(`issued ${described(workload)}`);
    if (uris.length === 1) io.out(howTo(resolve(workload.folder), uri));
  }
  if (wanted.renew) await renewAll(wanted, domain, io, clock);
  else if (uris.length === 0) list(wanted.folder, domain, io, clock);
  return 0;
}

async function renewAll(wanted: CaArguments, domain: TrustDomain, io: CommandIo, clock: Clock): Promise<void> {
  for (;;) {
    let next = LOOK_MS;
    for (const workload of listWorkloads(wanted.folder)) {
      const due = dueIn(workload, clock);
      if (due > 0) {
        next = Math.min(next, due);
        continue;
      }
      const ttlMs = workload.notAfter - workload.issuedAt;
      const { keyType, names } = workload;
      const renewed = await issueWorkload(wanted.folder, domain, names, { ttlMs, keyType }, clock);
      next = Math.min(next, dueIn(renewed, clock));
      io.out(`renewed ${described(renewed)}`);
    }
    if (!wanted.watch || !(await passed(Math.max(next, 100), io, clock))) return;
  }
}

/** Milliseconds until half of its time is over. */
function dueIn({ issuedAt, notAfter }: Workload, clock: Clock): number {
  return issuedAt + (notAfter - issuedAt) / 2 - clock.wallNow();
}

/** False where the command was ended meanwhile. */
function passed(ms: number, { signal }: CommandIo, clock: Clock): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', end);
      resolve(true);
    });
    const end = (): void => {
      timer.cancel();
      resolve(false);
    };
    signal?.addEventListener('abort', end, { once: true });
  });
}

function list(folder: string, domain: TrustDomain, io: CommandIo, clock: Clock): void {
  const workloads = listWorkloads(folder);
  io.out(`trust domain ${domain.name}, ${workloads.length} ${workloads.length === 1 ? 'workload' : 'workloads'}`);
  for (const workload of workloads) {
    const over = workload.notAfter <= clock.wallNow() ? ', expired: run with --renew' : '';
    io.out(`  ${described(workload)}${over}`);
  }
}

function described({ folder, names: { uri, dnsNames, ips }, notAfter }: Workload): string {
  const more = [...dnsNames, ...ips];
  const also = more.length === 0 ? '' : ` (${more.join(', ')})`;
  return `${uri}${also} until ${new Date(notAfter).toISOString()} in ${folder}`;
}
