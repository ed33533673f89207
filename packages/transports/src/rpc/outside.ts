import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a function in the async context in which this module was loaded, outside that of any request: what is created
 * there (sockets, sessions, timers) is shared by many requests and must not carry the store of the first one.
 */
export const outsideAnyCall: <R>(body: () => R) => R = AsyncLocalStorage.snapshot();
