import type { Tone } from '../../core/types.ts';

/** One shape for each tone, so that no state is told by its colour alone. */
const SHAPES: Record<Tone, { outline: string; mark: string }> = {
  good: {
    outline: 'M24 4 41 10v13c0 10.5-7 17.5-17 21C14 40.5 7 33.500 7 23V10z',
    mark: 'M16 24.500 22 30.500 33 18.500',
  },
  busy: { outline: 'M24 4a20 20 0 1 1 0 40 20 20 0 0 1 0-40', mark: 'M15 24v.1M24 24v.1M33 24v.1' },
  warning: { outline: 'M24 5 45 42H3z', mark: 'M24 19v11M24 35.800v.2' },
  problem: { outline: 'M16 5h16l11 11v16L32 43H16L5 32V16z', mark: 'M17.500 17.500l13 13M30.500 17.500l-13 13' },
  off: {
    outline: 'M24 4a20 20 0 1 1 0 40 20 20 0 0 1 0-40',
    mark: 'M24 13v11M17.200 17.200a9.600 9.600 0 1 0 13.600 0',
  },
};

export function StateIcon({ tone, size = 64 }: { tone: Tone; size?: number }) {
  return (
    <svg className="state-icon" data-tone={tone} viewBox="0 0 48 48" width={size} height={size} aria-hidden="true">
      <path className="state-icon-outline" d={SHAPES[tone].outline} />
      <path className="state-icon-mark" d={SHAPES[tone].mark} />
    </svg>
  );
}
