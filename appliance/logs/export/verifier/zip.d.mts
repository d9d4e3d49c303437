/** See zip.mjs. */
export function openZip(blob: Blob): Promise<{ names: string[]; stream(name: string): AsyncIterable<Uint8Array> }>;
