import type { StateFiles } from '@inmesh/xds';

/**
 * Files that are written only by who has the stream: it knows what all its guests use, and each of them would put its own part in
 * the place of that.
 */
export function writtenByHost(files: StateFiles, isHost: () => boolean): StateFiles {
  return {
    pathOf: (name) => files.pathOf(name),
    read: (name, maxBytes) => files.read(name, maxBytes),
    write: (name, bytes, wanted) => (isHost() ? files.write(name, bytes, wanted) : Promise.resolve()),
    writeNow: (name, bytes) => {
      if (isHost()) files.writeNow(name, bytes);
    },
  };
}
