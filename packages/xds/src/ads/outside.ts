import { AsyncLocalStorage } from 'node:async_hooks';

/** Runs a function outside any request: streams, timers and slices belong to all calls, whoever was the first to watch. */
export const outsideAnyCall: <R>(body: () => R) => R = AsyncLocalStorage.snapshot();
