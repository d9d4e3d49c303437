import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { Lab } from './lab.ts';
import type { Plan } from './plan.ts';
import { run } from './run.ts';

export type Scenario = [name: string, scenario: (lab: Lab) => Promise<void>];

/** What a lab could leave behind on the computer. */
async function traces(id: string): Promise<string[]> {
  const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const names = [await run('ip', ['netns', 'list']), await run('ip', ['-brief', 'link'])].join('\n').split(/\s+/);
  const all = [...names, ...list('/etc/netns'), ...list('/var/run/wireguard')];
  return all.filter((name) => name.includes(id));
}

/**
 * Builds a lab, goes through the scenarios, each of which builds on the one before, and shows that nothing is left. A
 * scenario that fails prints the last lines of each service's log.
 */
export async function tell(t: TestContext, plan: Plan, scenarios: readonly Scenario[]): Promise<void> {
  const lab = await Lab.open(() => {}, plan);
  const end = (): void => process.exit(1);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  t.after(async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    await lab.close();
  });

  for (const [name, scenario] of scenarios) {
    let failed = false;
    await t.test(name, async (step) => {
      try {
        await scenario(lab);
      } catch (error) {
        failed = true;
        step.diagnostic(lab.services.tails());
        throw error;
      }
    });
    // Without anyone enrolled all the others would only wait for their deadlines.
    if (failed && name === scenarios[0]?.[0]) return;
  }

  await t.test('nothing is left behind', async () => {
    await lab.close();
    assert.deepEqual(await traces(lab.topology.id), []);
    assert.equal(existsSync(lab.topology.folder), false);
    // An agent writes its interface's name into it, which has the lab's number.
    const resolvConf = readFileSync('/etc/resolv.conf', 'utf8');
    assert.ok(!resolvConf.includes(lab.topology.id), `the computer's own DNS was changed:\n${resolvConf}`);
  });
}
