import net from 'node:net';
import type { IpcMethod, IpcResult } from '../../protocol/index.ts';

/** Longer than any answer takes on a computer that is busy with much else. */
const SECONDS = 30;

/**
 * Asks an agent's daemon over its socket (`protocol/ipc.ts`): one line each way. Rejects when nobody listens, and with
 * the daemon's message when it answers with an error. Much cheaper than the command line, for those who ask often.
 */
export function ask<M extends IpcMethod>(socketPath: string, method: M): Promise<IpcResult<M>> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let received = '';
    socket.setTimeout(SECONDS * 1000, () => socket.destroy(new Error(`${method}: no answer in ${SECONDS} s`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${method}: the daemon hung up`)));
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
      const end = received.indexOf('\n');
      if (end < 0) return;
      try {
        const answer = JSON.parse(received.slice(0, end)) as { result?: IpcResult<M>; error?: { message: string } };
        if (answer.result !== undefined) resolve(answer.result);
        else reject(new Error(answer.error?.message ?? `${method}: an answer without a result`));
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
    socket.write(`${JSON.stringify({ id: 1, method, params: {} })}\n`);
  });
}
