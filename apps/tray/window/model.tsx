import { useMutation } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import type { CallArgument, CallName, CallResult, Page } from '../core/ipc/table.ts';
import type { Action, WindowModel } from '../core/types.ts';
import { call } from './bridge.ts';
import type { Text } from './i18n/index.ts';

/** What every part of the window may need. */
interface Frame {
  model: WindowModel;
  t: Text;
  page: Page;
  go: (page: Page) => void;
}

const FrameContext = createContext<Frame | null>(null);

export function FrameProvider({ value, children }: { value: Frame; children: ReactNode }) {
  return <FrameContext value={value}>{children}</FrameContext>;
}

export function useFrame(): Frame {
  const frame = use(FrameContext);
  if (!frame) throw new Error('outside of the window’s frame');
  return frame;
}

/** A call that the user makes: its progress and its error belong beside the control that made it. */
export function useCall<N extends CallName>(name: N) {
  return useMutation<CallResult<N>, Error, CallArgument<N>>({
    networkMode: 'always',
    mutationFn: (argument) => call(name, argument),
  });
}

/** An action of the tray's table. What fails is told by `model.failure`. */
export function useAct(): { act: (action: Action) => void; pending: boolean } {
  const { mutate, isPending } = useCall('act');
  return { act: (action) => mutate(action), pending: isPending };
}

/** Wall clock, anew each `every` ms while the window is seen. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') setNow(Date.now());
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
