import { keepPreviousData, QueryClient, useQuery } from '@tanstack/react-query';
import { call } from './bridge.ts';
import { useFrame } from './model.tsx';

/**
 * Queries of the pages. They are asked again only while their page is shown (a page that isn't is not mounted) and the
 * window can be seen (TanStack Query's focus manager follows `document.visibilityState`).
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The calls go to the app's own main process: they work without a network.
      networkMode: 'always',
      retry: false,
      gcTime: 60_000,
      refetchIntervalInBackground: false,
    },
  },
});

/** Answers belong to one network; without a daemon nothing is asked. */
function useScope(): { scope: string; enabled: boolean } {
  const { status } = useFrame().model;
  return { scope: status?.enrolled?.peerId ?? 'none', enabled: status !== null };
}

export function useTraffic() {
  const { scope, enabled } = useScope();
  return useQuery({
    queryKey: ['traffic', scope],
    queryFn: () => call('traffic', null),
    enabled,
    refetchInterval: 1000,
  });
}

export function usePeers() {
  const { scope, enabled } = useScope();
  return useQuery({ queryKey: ['peers', scope], queryFn: () => call('peers', null), enabled, refetchInterval: 5000 });
}

export function useDirectory(search: string) {
  const { scope, enabled } = useScope();
  return useQuery({
    queryKey: ['directory', scope, search],
    queryFn: () => call('directory', { search }),
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}

export function useSessions() {
  const { scope, enabled } = useScope();
  return useQuery({
    queryKey: ['sessions', scope],
    queryFn: () => call('sessions', null),
    enabled,
    refetchInterval: 10_000,
  });
}

export function usePosture() {
  const { scope, enabled } = useScope();
  return useQuery({ queryKey: ['posture', scope], queryFn: () => call('posture', { anew: false }), enabled });
}

export function useDoctor() {
  const { scope, enabled } = useScope();
  return useQuery({ queryKey: ['doctor', scope], queryFn: () => call('doctor', null), enabled, staleTime: 60_000 });
}

export function useLogs(follow: boolean) {
  const { enabled } = useScope();
  return useQuery({
    queryKey: ['logs'],
    queryFn: () => call('logs', null),
    enabled,
    refetchInterval: follow ? 2000 : false,
  });
}

/** Asked once and anew by hand only: what is saved is what was read. */
export function useReport() {
  return useQuery({ queryKey: ['report'], queryFn: () => call('report', null), staleTime: Number.POSITIVE_INFINITY });
}
