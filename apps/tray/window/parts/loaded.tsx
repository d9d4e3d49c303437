import { Skeleton, VisuallyHidden } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useFrame } from '../model.tsx';
import { Failure } from './message.tsx';

/** Grey bars while something is awaited. */
export function Waiting({ rows = 3, text }: { rows?: number; text?: string }) {
  const { t } = useFrame();
  const bars = Array.from({ length: rows }, (_, row) => `bar${row}`);
  return (
    <div className="waiting" role="status">
      {text === undefined ? <VisuallyHidden>{t('app.loading')}</VisuallyHidden> : <p className="dim">{text}</p>}
      {bars.map((bar) => (
        <Skeleton key={bar} height={44} radius="md" />
      ))}
    </div>
  );
}

export const Empty = ({ children }: { children: ReactNode }) => <p className="empty">{children}</p>;

/**
 * What a query brings, or why there is nothing: waiting, failed (with a way to try again), empty, no daemon. What was
 * there before stays under an error of a later round.
 */
export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  empty: string;
  isEmpty: (data: T) => boolean;
  waiting?: string;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  const { query } = props;
  const { model, t } = useFrame();
  if (query.data === undefined && query.fetchStatus === 'idle' && query.status === 'pending' && model.status === null)
    return <Empty>{t('common.noDaemon')}</Empty>;
  return (
    <>
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {query.data === undefined
        ? query.isFetching && (
            <Waiting {...(props.rows && { rows: props.rows })} {...(props.waiting && { text: props.waiting })} />
          )
        : props.isEmpty(query.data)
          ? !query.error && <Empty>{props.empty}</Empty>
          : props.children(query.data)}
    </>
  );
}
