import type { Duplex } from 'node:stream';

/** What is said on a connection that changed its protocol: the caller says a word, the recorder that it heard it, and goodbye. */
const WORD = 'a word';

/** As the recorder. */
export function answerTalk(name: string, socket: Duplex): void {
  socket.on('error', () => {});
  socket.once('data', (word: Buffer) => socket.end(`${name} heard ${word.toString('latin1')}`));
}

/** As the caller: resolves to what was heard. `head`: what has come already. */
export function talk(socket: Duplex, head: Buffer = Buffer.alloc(0)): Promise<string> {
  const chunks = [head];
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.write(WORD);
    socket.resume();
  });
}
