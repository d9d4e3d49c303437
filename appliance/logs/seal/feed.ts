import type { Written } from './log.ts';
import type { ToSearch } from './messages.ts';

/** What the search thread is told. Blocks go over with their buffers: they aren't needed here any more. */
export class SearchFeed {
  readonly #post: (message: ToSearch, transfer: ArrayBuffer[]) => void;
  readonly #mostBytes: number;
  /** Bytes of messages that the search thread hasn't taken yet; only counted once it has said that it counts too. */
  #bytes = 0;
  #counts = false;

  constructor(mostBytes: number, post: (message: ToSearch, transfer: ArrayBuffer[]) => void = () => undefined) {
    this.#mostBytes = mostBytes;
    this.#post = post;
  }

  tell(message: ToSearch): void {
    this.#post(message, []);
  }

  /** Where it is far behind it gets no blocks: it reads them from the archive, and no queue grows here. */
  wrote({ segment, frames, rawBytes }: Written): void {
    if (this.#counts && this.#bytes > this.#mostBytes) {
      this.#post({ type: 'blocks', segment, frames: frames.map(([info]) => [info, undefined]) }, []);
      return;
    }
    this.#bytes += rawBytes;
    const buffers = new Set<ArrayBuffer>();
    for (const [, block] of frames) {
      for (const value of Object.values(block)) if (ArrayBuffer.isView(value)) buffers.add(value.buffer as ArrayBuffer);
    }
    this.#post({ type: 'blocks', segment, frames }, [...buffers]);
  }

  credit(bytes: number): void {
    this.#counts = true;
    this.#bytes = Math.max(0, this.#bytes - bytes);
  }
}
