import type { AgentStatus, IpcResult, PostureCheck } from '@gatehouse/protocol';
import { postureAdvice } from '../posture/advice.ts';
import { ago } from './format.ts';
import { table } from './table.ts';

/** The names of policies, as people read them. */
const words = (fact: string): string => fact.replaceAll('_', ' ');
const value = (of: PostureCheck['value']): string =>
  of === null ? 'not known' : typeof of === 'boolean' ? (of ? 'yes' : 'no') : String(of);

/**
 * `gatehouse posture` for people: each fact, where a policy misses one what it wants and how to mend it, and whether the
 * controller lets this device in.
 */
export function formatPosture(
  { collected, checks }: IpcResult<'posture'>,
  standing: AgentStatus['standing'],
  platform: NodeJS.Platform,
  now: number,
  width?: number,
): string {
  const failed = checks.some(({ result }) => result === 'failed');
  const rows = checks.flatMap(({ fact, value: is, result, wanted, source }) => [
    [
      result === 'failed' ? 'failed' : '',
      words(fact),
      `${value(is)}${source === null || is === null ? '' : ` (${source})`}`,
    ],
    ...(result === 'failed' ? [['', '', `→ wanted: ${wanted ?? 'otherwise'}. ${postureAdvice(fact, platform)}`]] : []),
  ]);
  const verdict =
    standing === null
      ? 'no controller has judged it'
      : standing.admitted
        ? 'this device is let in'
        : `this device is kept out: ${standing.reason ?? 'the controller does not say why'}`;
  const all = [...rows, ['', 'controller', verdict], ['', 'collected', ago(collected, now)]];
  return table(failed ? all : all.map(([, ...cells]) => cells), { width });
}
