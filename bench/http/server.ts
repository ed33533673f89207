import { createServer, type Server } from 'node:net';
import { argument, endWithParent, tellParent } from '../processes.ts';
import { Endpoints, type ServerQuestion } from './endpoints.ts';

export interface ServerOptions {
  readonly ports: number;
  readonly bodyBytes: number;
}

const options = argument<ServerOptions>();
const endpoints = new Endpoints(options.bodyBytes);
const servers = await Promise.all(Array.from({ length: options.ports }, listen));
endWithParent();
process.on('message', (question: ServerQuestion) => tellParent(endpoints.answer(question)));
tellParent(servers.map((server) => (server.address() as { readonly port: number }).port));

async function listen(): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => endpoints.serve(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
