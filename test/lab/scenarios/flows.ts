import assert from 'node:assert/strict';
import { Flow } from '../flow.ts';
import type { Lab } from '../lab.ts';
import { answers, attach, cutOff, dropPolicy, peerId } from './world.ts';

/** Enough to take longer than any byte that was under way. */
const MANY_BYTES = 500;

/** Two live connections: the one that a policy forbids dies, the other one carries on and is the clock meanwhile. */
export async function liveFlowDies(lab: Lab): Promise<void> {
  const { topology } = lab;
  const flows: Flow[] = [];
  try {
    const alices = await Flow.open(topology, 'alice', 'bob', lab.overlayAddress('bob'), 7001);
    flows.push(alices);
    const bobs = await Flow.open(topology, 'bob', 'alice', lab.overlayAddress('alice'), 7002);
    flows.push(bobs);
    await Promise.all(flows.map((flow) => flow.more(MANY_BYTES)));

    const rule = { direction: 'output', action: 'deny', target_type: 'peer', target: peerId(lab, 'bob') } as const;
    const policy = await attach(lab, 'alice', 'no more bob', [rule]);
    await cutOff(lab, 'alice', 'bob');
    const atTheEnd = alices.bytes;
    await bobs.more(MANY_BYTES);
    assert.deepEqual(alices.bytes, atTheEnd, 'not a byte has crossed since');

    await dropPolicy(lab, policy);
    await answers(lab, 'alice', 'bob');
    const again = await Flow.open(topology, 'alice', 'bob', lab.overlayAddress('bob'), 7003);
    flows.push(again);
  } finally {
    for (const flow of flows) flow.stop();
  }
}
