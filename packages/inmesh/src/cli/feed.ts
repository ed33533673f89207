import { systemClock } from '@inmesh/core';
import { type AdsStatus, ClientStatus } from '@inmesh/xds';
import { FeedWalk } from '../feed-walk.ts';
import { listenerNames } from '../listeners.ts';
import { openFeed } from '../open-feed.ts';
import { VERSION } from '../version.ts';
import { readArguments } from './feed-arguments.ts';
import { describe, only, shown } from './feed-text.ts';
import { followFeed } from './follow-feed.ts';
import type { CommandIo } from './io.ts';
import { UsageError } from './usage.ts';

/**
 * `inmesh feed [NAME …]`: asks the control plane as a mesh would, follows what the answers name, and prints what the feed holds. Exit
 * code 0 where everything that was asked for is accepted, 1 where something is refused, missing or was not told in time.
 */
export async function feedCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const given = readArguments(args);
  const { bootstrap, chosen, feed } = openFeed({
    bootstrap: given.bootstrap,
    env: io.env,
    onWarning: (warning) => io.err(`warning: ${warning.message}`),
  });
  if (feed === null) throw new UsageError(`${bootstrap.origin} names no control plane`);
  const whole = given.all || chosen.flavour !== 'grpc';
  if (!whole && given.names.length === 0) {
    feed.close();
    throw new UsageError(
      'this feed is asked by name: give listeners or URLs, or --all where the control plane tells all it has',
    );
  }
  const wanted = given.names.map((name) => ({
    name,
    listeners: namesOf(name, (target) => listenerNames(bootstrap, target)),
  }));
  let heard = (): void => {};
  const walk = new FeedWalk({
    source: feed,
    client: feed.client,
    whole: whole ? ['listener', 'cluster'] : [],
    listeners: wanted.map(({ listeners }) => listeners),
    changed: () => heard(),
  });
  try {
    await told(
      () => walk.settled,
      given.within,
      (listener) => {
        heard = listener;
      },
    );
    const before = feed.status();
    if (given.contents) {
      const status = new ClientStatus(
        () => ({
          node: chosen.node,
          userAgentVersion: VERSION,
          scope: '',
          staticResources: [],
          resources: only(feed.contents(), given.types),
        }),
        systemClock,
      );
      io.out(JSON.stringify(await status.json(), null, 2));
    } else if (given.json) {
      io.out(JSON.stringify({ servers: before.servers, resources: shown(before, given.types) }, null, 2));
    } else for (const line of describe(before, given.types)) io.out(line);
    if (!walk.settled) io.err(`not everything was told within ${given.within} ms`);
    if (given.watch) {
      await followFeed(
        io,
        given,
        () => feed.status(),
        before,
        (listener) => {
          heard = listener;
        },
      );
    }
    return exitCode(feed.status(), wanted, walk.settled);
  } finally {
    walk.close();
    feed.close();
  }
}

/** A URL's service can have its listener under one of several names. */
function namesOf(text: string, ofTarget: (target: string) => readonly string[]): readonly string[] {
  const url = text.startsWith('http://') ? URL.parse(text) : null;
  return url === null ? [text] : ofTarget(`${url.hostname}:${url.port === '' ? 80 : url.port}`);
}

/** Resolves when everything is told, or the time is over. */
function told(settled: () => boolean, within: number, listen: (listener: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, within);
    const look = (): void => {
      if (!settled()) return;
      clearTimeout(timer);
      // After the turn: what the last answer names is asked for within it.
      setImmediate(() => (settled() ? resolve() : undefined));
    };
    listen(look);
    look();
  });
}

function exitCode(
  { resources }: AdsStatus,
  wanted: readonly { readonly listeners: readonly string[] }[],
  settled: boolean,
): number {
  const there = (name: string): boolean =>
    resources.some((each) => each.kind === 'listener' && each.name === name && each.version !== '');
  const missing = wanted.some(({ listeners }) => !listeners.some(there));
  return !settled || missing || resources.some(({ state }) => state === 'NACKED') ? 1 : 0;
}
