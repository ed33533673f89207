export { SocketConnector } from './connect/connector.ts';
export { type DispatcherDoorOptions, type DispatcherLike, MeshDispatcher, onCall } from './doors/dispatcher.ts';
export { MeshSocket, type MeshSocketParts } from './doors/mesh-socket.ts';
