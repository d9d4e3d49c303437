import { Standing } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { ask, type Enrolled, Refusal } from './ask.ts';

const schema = Compile(Standing);

/**
 * How the controller treats this device. Null from an older controller, which doesn't tell. Throws an Error whose message
 * is for people.
 */
export async function fetchStanding(controller: Enrolled): Promise<Standing | null> {
  try {
    return await ask(controller, {
      method: 'GET',
      path: '/api/v1/agent/standing',
      expects: 200,
      schema,
      what: 'The controller does not say how it treats this device',
    });
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}
