import { importFfi } from '../ffi/index.ts';

/** `struct timex` is 208 bytes on 64 bits; `modes` 0 only reads. */
const TIMEX_BYTES = 208;
/** What adjtimex(2) answers while the clock isn't synchronised. */
const TIME_ERROR = 5;

/**
 * Whether the kernel holds the system's clock for synchronised, which is what NTP daemons tell it: adjtimex(2). Where it
 * can't be asked the answer is true: nothing is known against it.
 */
export async function clockState(): Promise<() => boolean> {
  if (process.platform !== 'linux') return () => true;
  try {
    const ffi = await importFfi();
    const { functions } = ffi.dlopen(null, { adjtimex: { arguments: ['pointer'], return: 'int32' } });
    const timex = new ArrayBuffer(TIMEX_BYTES);
    const at = ffi.getRawPointer(timex);
    return () => {
      new Uint8Array(timex).fill(0);
      return functions.adjtimex(at) !== TIME_ERROR;
    };
  } catch {
    return () => true;
  }
}
