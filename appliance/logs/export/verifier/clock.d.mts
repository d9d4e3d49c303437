export interface Anchor {
  size: number;
  us: number;
  by: string;
}

/** See clock.mjs. */
export function clockChecker(anchors: readonly Anchor[]): {
  check(
    index: number,
    times: { boot: number; receiveUs: number; monotonicUs: number; unsynchronised: boolean },
  ): { finding?: { index: number; defect: string; text: string }; remark?: string };
};
