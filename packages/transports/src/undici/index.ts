// Must run before npm's undici does: an import for its effect stays where it is when imports are sorted.
import './before.ts';

import { type Dispatcher, Dispatcher1Wrapper } from 'undici';
import { restoreDispatcher } from './before.ts';

export { Client, Dispatcher, errors } from 'undici';

restoreDispatcher();

/** A handler in the shape of undici 6 and 7 as one in the shape of undici 8; undici's own adapter, which its types leave out. */
export function adaptLegacyHandler(handler: object): Dispatcher.DispatchHandler {
  return (Dispatcher1Wrapper as unknown as { wrapHandler(handler: object): Dispatcher.DispatchHandler }).wrapHandler(
    handler,
  );
}
