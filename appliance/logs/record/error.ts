/** Records that can't be read, or don't fit together: what, and where. */
export class ArchiveError extends Error {
  override name = 'ArchiveError';
  /** Leaf index of the record that it is about. */
  readonly index?: number;

  constructor(message: string, options: { index?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (options.index !== undefined) this.index = options.index;
  }
}
