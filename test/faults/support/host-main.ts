import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';

const [, , protocol, address] = process.argv;

const server =
  protocol === 'http2'
    ? createHttp2().on('stream', (stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 200 });
        stream.end('ok');
      })
    : createHttp1((_, response) => response.end('ok'));
server.listen(0, address, () => process.send?.(server.address()));
process.on('disconnect', () => process.exit(0));
