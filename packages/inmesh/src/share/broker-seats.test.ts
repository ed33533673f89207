import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerSeats, type Seat } from './broker-seats.ts';

const key = '0123456789abcdef'.repeat(4);

describe('broker seats', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'inmesh-seats-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** As if somebody listened there. */
  const take = (seats: BrokerSeats, seat: Seat): string => {
    writeFileSync(seat.path, '', { flag: 'wx' });
    return seats.markOf(seat);
  };

  it('are in force by their number, and older ones are removed', () => {
    const seats = new BrokerSeats(directory, key);
    seats.prepare();
    assert.equal(seats.newest(), null);
    const first = seats.after(null);
    const firstMark = take(seats, first);
    assert.deepEqual([first.generation, seats.newest(), seats.isInForce(first, firstMark)], [1, first, true]);
    let newest = first;
    for (let i = 0; i < 10; i++) {
      newest = seats.after(newest);
      take(seats, newest);
    }
    assert.deepEqual([newest.generation, seats.newest()], [11, newest]);
    assert.equal(seats.isInForce(first, firstMark), false);
    seats.removeOlder(newest);
    assert.equal(readdirSync(seats.directory).length, 1);
  });

  it('are lost with their socket, also where another has its name', () => {
    const seats = new BrokerSeats(directory, key);
    seats.prepare();
    const seat = seats.after(null);
    const mark = take(seats, seat);
    unlinkSync(seat.path);
    assert.equal(seats.isInForce(seat, mark), false);
    // Something else takes its place on the disk first.
    writeFileSync(join(directory, 'other'), '');
    take(seats, seat);
    assert.equal(seats.isInForce(seat, mark), false);
  });

  it('are of one feed, and of nothing else in the directory', () => {
    const seats = new BrokerSeats(directory, key);
    seats.prepare();
    const others = new BrokerSeats(directory, 'f'.repeat(64));
    take(others, others.after(null));
    writeFileSync(join(seats.directory, 'notes.txt'), '');
    writeFileSync(join(seats.directory, `${key.slice(0, 16)}.one.sock`), '');
    assert.equal(seats.newest(), null);
    seats.removeOlder({ generation: 99, path: '' });
    assert.equal(readdirSync(seats.directory).length, 3);
    if (process.platform !== 'win32') assert.equal(statSync(seats.directory).mode & 0o777, 0o700);
  });

  it('need a path that a socket can have', () => {
    assert.throws(() => new BrokerSeats(`/${'long/'.repeat(20)}`, key).prepare(), /name a shorter directory/);
  });
});
