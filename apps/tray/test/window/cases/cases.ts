import type { Stage } from '../harness.ts';

/** A group of tests on the shared stage. */
export type Cases = (needs: { skip: string | false }, stage: () => Stage) => void;
