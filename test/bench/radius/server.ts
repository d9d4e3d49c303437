/** A server under the generator. */
export interface Server {
  name: string;
  pid: number;
  port: number;
  acctPort: number;
  stop(): Promise<void>;
}
