import { endianness } from 'node:os';
import { importFfi } from './import.ts';
import { Batch } from './mmsg.ts';
import { boundTo, type Calls, EAGAIN, openCalls, openSocket, socketAddress } from './socket.ts';

let loaded: Promise<Calls | string> | undefined;

/** The system's calls by `node:ffi`, after they have sent and received once; a string says why they can't be used here. */
export function loadCalls(): Promise<Calls | string> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Calls | string> {
  if (process.platform !== 'linux') return 'it is for Linux';
  if (!['x64', 'arm64'].includes(process.arch) || endianness() !== 'LE') return `not on ${process.arch}`;
  try {
    const calls = openCalls(await importFfi());
    const problem = selfTest(calls);
    return problem ?? calls;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Two datagrams from one socket to another on loopback, and their sender: does all lie where we think it does? */
function selfTest(calls: Calls): string | undefined {
  const loopback = socketAddress([0x7f000001], 0);
  const open = (): number | undefined => openSocket(calls, loopback, 65_536);
  const [a, b] = [open(), open()];
  try {
    if (a === undefined || b === undefined) return 'a socket could not be bound';
    const sizes = { count: 4, receive: 64, send: 64 };
    const [from, to] = [new Batch(calls, a, 4, sizes), new Batch(calls, b, 4, sizes)];
    if (to.receive() !== 0 || calls.errno[0] !== EAGAIN) return 'an empty socket is not told as one';
    for (const byte of [1, 2]) from.send(boundTo(calls, b), new Uint8Array(20 * byte).fill(byte));
    if (from.flush() !== 0 || from.waiting !== 0) return 'sendmmsg does not send';
    if (to.receive() !== 2) return 'recvmmsg does not receive';
    const sender = boundTo(calls, a);
    for (const i of [0, 1]) {
      const datagram = to.datagram(i);
      const right = datagram.length === 20 * (i + 1) && datagram.every((byte) => byte === i + 1);
      const name = to.name(i).every((byte, k) => k >= 8 || byte === sender[k]);
      if (!right || !name) return 'recvmmsg writes elsewhere';
    }
    return undefined;
  } finally {
    for (const fd of [a, b]) if (fd !== undefined) calls.functions.close(fd);
  }
}
