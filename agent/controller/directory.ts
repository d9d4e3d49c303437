import { Directory } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { ask, type Enrolled, Refusal } from './ask.ts';

const schema = Compile(Directory);
const WHAT = 'The controller does not list what this device may reach';

/**
 * What this device may reach, by name; with `search` only what holds it in its name or address. Throws an Error whose
 * message is for people.
 */
export async function fetchDirectory(controller: Enrolled, search?: string): Promise<Directory> {
  const query = search ? `?${new URLSearchParams({ search })}` : '';
  const path = `/api/v1/agent/directory${query}`;
  try {
    return await ask(controller, { method: 'GET', path, expects: 200, schema, what: WHAT });
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    throw new Error(`${WHAT}: it is older than this agent, and has to be updated first`);
  }
}
