import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useFrame } from '../model.tsx';

/** A page: its heading takes the focus when the user comes to it, so that a screen reader begins there. */
export function PageBody({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {children}
    </div>
  );
}

export function Card({ title, children, aside }: { title?: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <section className="card">
      {title !== undefined && (
        <div className="card-head">
          <h2>{title}</h2>
          {aside}
        </div>
      )}
      {children}
    </section>
  );
}

const AT_ONCE = 200;

/** A list of which so many are drawn at once: a hub has thousands of peers. */
export function List<T>({ items, draw }: { items: readonly T[]; draw: (item: T, index: number) => ReactNode }) {
  const { t } = useFrame();
  const [limit, setLimit] = useState(AT_ONCE);
  const rest = items.length - limit;
  return (
    <>
      <ul className="list">{items.slice(0, limit).map(draw)}</ul>
      {rest > 0 && (
        <Button variant="default" fullWidth onClick={() => setLimit(limit + AT_ONCE)}>
          {t('common.more', { n: Math.min(rest, AT_ONCE) })}
        </Button>
      )}
    </>
  );
}
