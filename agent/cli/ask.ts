import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Interrupted, UsageError } from './exit.ts';

/** What the CLI talks through; a test gives its own. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
}

/** A token is short; what is longer was not meant for us. */
const MAX_TOKEN = 512;
const HELP = 'See: gatehouse help enroll';

/** Asks a question on a terminal; `hidden` doesn't show what is typed. Ctrl-C and Ctrl-D throw Interrupted. */
export async function ask({ stdin, stderr }: Terminal, question: string, hidden: boolean): Promise<string> {
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  // The terminal's own echo is off from here on, so before the question is seen.
  const lines = createInterface({ input: stdin, output: hidden ? mute : stderr, terminal: true });
  const stop = new AbortController();
  const end = () => stop.abort();
  lines.once('SIGINT', end);
  lines.once('close', end);
  try {
    if (hidden) stderr.write(question);
    return (await lines.question(hidden ? '' : question, { signal: stop.signal })).trim();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    if (!hidden) stderr.write('\n');
    throw new Interrupted('interrupted: nothing was changed', { cause: error });
  } finally {
    lines.off('close', end);
    lines.close();
    if (hidden) stderr.write('\n');
  }
}

async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > 4 * MAX_TOKEN) break;
  }
  return text.trim();
}

/** The token: from `--token` (`-` is standard input), GATEHOUSE_TOKEN, or asked for on a terminal. */
export async function readToken(terminal: Terminal, option: string | undefined): Promise<string> {
  let token = option ?? terminal.env.GATEHOUSE_TOKEN;
  if (option === '-') {
    if (terminal.stdin.isTTY) terminal.stderr.write('Paste the token, then press Enter and Ctrl-D.\n');
    token = await readAll(terminal.stdin);
  } else if (token === undefined && terminal.stdin.isTTY) token = await ask(terminal, 'Enrollment token: ', true);
  if (token === undefined) {
    throw new UsageError('enroll needs a token: --token <token>, --token - to read it, or GATEHOUSE_TOKEN', HELP);
  }
  if (token === '') throw new UsageError('the token is empty', HELP);
  if (token.length > MAX_TOKEN)
    throw new UsageError(`the token is longer than ${MAX_TOKEN} characters: copy it alone`, HELP);
  return token;
}
