type Ffi = typeof import('node:ffi');

/** `node:ffi`, without the warning that says only that the module is experimental. Rejects where Node hasn't got it. */
export async function importFfi(): Promise<Ffi> {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const [type] = rest as [string | { type?: string } | undefined];
    const name = typeof type === 'object' ? type.type : type;
    if (name === 'ExperimentalWarning' && String(warning).startsWith('FFI')) return;
    (emitWarning as (...all: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof emitWarning;
  try {
    return await import('node:ffi');
  } finally {
    process.emitWarning = emitWarning;
  }
}
