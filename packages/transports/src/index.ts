export { SocketConnector } from './connect/connector.ts';
export { type DispatcherDoorOptions, type DispatcherLike, MeshDispatcher } from './doors/dispatcher.ts';
