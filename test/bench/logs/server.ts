/** A log server under the generator. */
export interface LogServer {
  name: string;
  pid: number;
  port: number;
  /** Messages that it has on the disk for good: sealed, or in its file. */
  stored(): Promise<number>;
  /** Bytes on the disk. */
  bytes(): Promise<number>;
  /** Seconds that the oldest message waits for its seal; 0 where nothing is sealed. */
  lag?(): Promise<number>;
  stop(): Promise<void>;
}
