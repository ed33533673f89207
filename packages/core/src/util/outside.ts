import { AsyncLocalStorage } from 'node:async_hooks';

const outside: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();

/**
 * Runs `fn` outside any request's async context. Sockets, timers and streams that several calls share are made in it:
 * their callbacks would otherwise run in the context of whichever caller happened to be first.
 */
export function outsideContext<R>(fn: () => R): R {
  return outside(fn);
}

/** Leads back into the async context of this moment: for what a call does later, when something else calls back. */
export function thisContext(): <R>(fn: () => R) => R {
  return AsyncLocalStorage.snapshot();
}
