import { ipcMain, type WebContents, type WebFrameMain } from 'electron';
import { Compile } from 'typebox/compile';
import { CALLS, type CallHandlers } from '../core/ipc/table.ts';

/** What preload makes the promise of a call from: a thrown Error would come with Electron's own words. */
export type Answer = { value: unknown } | { error: string };

interface Serve {
  handlers: CallHandlers;
  /** Whether this frame is our window's own page. */
  isOurs(sender: WebContents, frame: WebFrameMain | null): boolean;
  /** What the window is told of an argument that the table doesn't have. */
  refused(): string;
  log(message: string): void;
}

/** Answers the calls of the table: first the sender is checked, then the argument. */
export function serveCalls({ handlers, isOurs, refused, log }: Serve): void {
  for (const [name, { argument }] of Object.entries(CALLS)) {
    const schema = Compile(argument);
    const handler = handlers[name as keyof CallHandlers] as (argument: unknown) => Promise<unknown>;
    ipcMain.handle(`gatehouse:${name}`, async (event, given: unknown): Promise<Answer> => {
      if (!isOurs(event.sender, event.senderFrame)) {
        log(`ipc: ${name} from a foreign frame was refused`);
        throw new Error('refused');
      }
      if (!schema.Check(given)) {
        log(`ipc: ${name} with a wrong argument was refused`);
        return { error: refused() };
      }
      try {
        return { value: await handler(given) };
      } catch (error) {
        return { error: (error as Error).message };
      }
    });
  }
}
