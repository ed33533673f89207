export * from './cluster.ts';
export * from './data-source.ts';
export * from './endpoint.ts';
export * from './extension-config.ts';
export * from './listener.ts';
export * from './route.ts';
export * from './runtime.ts';
export * from './secret.ts';
