type Ffi = typeof import('node:ffi');

/** Room for a `sockaddr_in` or `sockaddr_in6`. */
export const NAME_BYTES = 32;
export const EAGAIN = 11;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
/** Beyond the system's own limit, where the process may (CAP_NET_ADMIN). */
const SO_RCVBUFFORCE = 33;
const F_DUPFD_CLOEXEC = 1030;

const DEFINITIONS = {
  socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  bind: { arguments: ['int32', 'pointer', 'uint32'], return: 'int32' },
  setsockopt: { arguments: ['int32', 'int32', 'int32', 'pointer', 'uint32'], return: 'int32' },
  getsockname: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
  fcntl: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  close: { arguments: ['int32'], return: 'int32' },
  recvmmsg: { arguments: ['int32', 'pointer', 'uint32', 'int32', 'pointer'], return: 'int32' },
  sendmmsg: { arguments: ['int32', 'pointer', 'uint32', 'int32'], return: 'int32' },
  __errno_location: { arguments: [], return: 'pointer' },
} as const;

/** The system's calls, and where this thread's errno lies. */
export type Calls = ReturnType<typeof openCalls>;

export function openCalls(ffi: Ffi) {
  const { lib, functions } = ffi.dlopen(null, DEFINITIONS);
  const errno = new Int32Array(ffi.toArrayBuffer(functions.__errno_location(), 4, false));
  // The library goes along, so that it isn't collected while its functions are in use.
  return { lib, functions, errno, pointer: (buffer: ArrayBuffer): bigint => ffi.getRawPointer(buffer) };
}

/** A UDP socket that is bound to a `sockaddr`, with a receive buffer of `bytes`; undefined where the system refuses it. */
export function openSocket({ functions, pointer }: Calls, address: Uint8Array, bytes: number): number | undefined {
  const family = address.length === 16 ? AF_INET : AF_INET6;
  const fd = functions.socket(family, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const size = new Int32Array([bytes]);
  functions.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, pointer(size.buffer), 4);
  const buffer = new ArrayBuffer(NAME_BYTES);
  new Uint8Array(buffer).set(address);
  if (functions.bind(fd, pointer(buffer), address.length) === 0) return fd;
  functions.close(fd);
  return undefined;
}

/** Another descriptor of the same socket; negative where there are too many. */
export const duplicate = ({ functions }: Calls, fd: number): number => functions.fcntl(fd, F_DUPFD_CLOEXEC, 0);

/** The `sockaddr` a socket of IPv4 (16 bytes) or IPv6 (28) is bound to. */
export function boundTo({ functions, pointer }: Calls, fd: number): Uint8Array {
  const name = new ArrayBuffer(NAME_BYTES);
  const length = new Uint32Array([NAME_BYTES]);
  functions.getsockname(fd, pointer(name), pointer(length.buffer));
  return new Uint8Array(name, 0, Math.min(length[0]!, NAME_BYTES));
}

/** `struct sockaddr_in` or `sockaddr_in6` of an address in numbers of 32 bits. */
export function socketAddress(words: readonly number[], port: number, scope = 0): Uint8Array {
  const bytes = new Uint8Array(words.length === 1 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, words.length === 1 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  const at = words.length === 1 ? 4 : 8;
  words.forEach((word, i) => {
    view.setUint32(at + 4 * i, word);
  });
  if (words.length === 4) view.setUint32(24, scope, true);
  return bytes;
}
