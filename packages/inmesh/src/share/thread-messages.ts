import { MessagePort } from 'node:worker_threads';

/** A worker's question to the main thread: has it this feed? Answered on the port by true or false; after true the port is that of a guest. */
export interface FeedQuestion {
  readonly inmesh: 'feed';
  readonly key: string;
  readonly port: MessagePort;
}

export function isFeedQuestion(message: unknown): message is FeedQuestion {
  if (typeof message !== 'object' || message === null) return false;
  const { inmesh, key, port } = message as Partial<FeedQuestion>;
  return inmesh === 'feed' && typeof key === 'string' && port instanceof MessagePort;
}

/** Where the main thread tells workers, which may have asked in vain, that it has a feed: its key. */
export const feedsChannel = 'inmesh.feeds';
