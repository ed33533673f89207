export * from './cluster.ts';
export * from './endpoint.ts';
export * from './listener.ts';
export * from './route.ts';
