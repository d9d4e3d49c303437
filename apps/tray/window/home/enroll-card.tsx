import { Button, Checkbox } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { EnrollRequest } from '../../core/types.ts';
import { useCall, useFrame } from '../model.tsx';
import { Message } from '../parts/message.tsx';

/** A card that appears under somebody's finger must not take the click for its answer, ms. */
const TO_LOOK = 500;

/**
 * An enrollment waits for the user's word: who asks, in large letters, before anything is sent. What fails is told by
 * `model.failure`, below.
 */
export function EnrollCard({ request }: { request: EnrollRequest }) {
  const { t } = useFrame();
  const confirm = useCall('confirmEnroll');
  const [trusted, setTrusted] = useState(false);
  const seen = useSeen();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    void heading.current?.scrollIntoView({ block: 'nearest' });
    return () => {
      // It took the focus with it, unless the next one has it.
      if (document.activeElement === document.body) document.getElementById('content')?.focus({ preventScroll: true });
    };
  }, []);
  const { id, host, url, behind } = request;
  const joining = request.joining === true || confirm.isPending;
  const say = (accept: boolean) => confirm.mutate({ id, accept, allowPlain: accept && request.plain && trusted });
  return (
    <section className="card enroll-card" aria-labelledby="enroll-card-title" aria-busy={joining}>
      <h2 id="enroll-card-title" ref={heading} tabIndex={-1}>
        {t('enrollCard.title', { host })}
      </h2>
      <p className="enroll-host" aria-hidden="true">
        {host}
      </p>
      {/* One host may have several controllers. */}
      {new URL(url).pathname !== '/' && <p className="dim">{url}</p>}
      <p>{t(`enrollCard.from.${request.from}`)}</p>
      <p className="dim">{t('enrollCard.text', { host })}</p>
      {request.pinned && <p className="dim">{t('enrollCard.pinned')}</p>}
      {request.adds && <p className="dim">{t('enrollCard.adds')}</p>}
      {request.plain && (
        <Message tone="warning">
          <p>{t('enrollCard.plain', { host })}</p>
          <Checkbox
            label={t('enrollCard.plainAllow')}
            checked={trusted}
            disabled={joining || !seen}
            onChange={(event) => setTrusted(event.currentTarget.checked)}
          />
        </Message>
      )}
      <div role="status">
        {behind > 0 && (
          <Message tone="info">
            <p>{t('enrollCard.behind', { n: behind })}</p>
          </Message>
        )}
      </div>
      <div className="buttons">
        <Button onClick={() => say(true)} disabled={!seen || (request.plain && !trusted)} loading={joining}>
          {t('enrollCard.accept')}
        </Button>
        <Button variant="default" onClick={() => say(false)} disabled={!seen || joining}>
          {t('enrollCard.refuse')}
        </Button>
      </div>
    </section>
  );
}

/** False in the first moment. */
function useSeen(): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSeen(true), TO_LOOK);
    return () => clearTimeout(timer);
  }, []);
  return seen;
}
