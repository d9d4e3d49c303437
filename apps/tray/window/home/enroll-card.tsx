import { Button, Checkbox } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { EnrollRequest } from '../../core/types.ts';
import { useCall, useFrame } from '../model.tsx';
import { Message } from '../parts/message.tsx';

/**
 * An enrollment waits for the user's word: who asks, in large letters, before anything is sent. What fails is told by
 * `model.failure`, below.
 */
export function EnrollCard({ request }: { request: EnrollRequest }) {
  const { t } = useFrame();
  const confirm = useCall('confirmEnroll');
  const [trusted, setTrusted] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    void heading.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const { host } = request;
  const joining = request.joining === true || confirm.isPending;
  const say = (accept: boolean) => confirm.mutate({ host, accept, allowPlain: accept && request.plain && trusted });
  return (
    <section className="card enroll-card" aria-labelledby="enroll-card-title" aria-busy={joining}>
      <h2 id="enroll-card-title" ref={heading} tabIndex={-1}>
        {t('enrollCard.title', { host })}
      </h2>
      <p className="enroll-host" aria-hidden="true">
        {host}
      </p>
      <p>{t(`enrollCard.from.${request.from}`)}</p>
      <p className="dim">{t('enrollCard.text', { host })}</p>
      {request.adds && <p className="dim">{t('enrollCard.adds')}</p>}
      {request.plain && (
        <Message tone="warning">
          <p>{t('enrollCard.plain', { host })}</p>
          <Checkbox
            label={t('enrollCard.plainAllow')}
            checked={trusted}
            disabled={joining}
            onChange={(event) => setTrusted(event.currentTarget.checked)}
          />
        </Message>
      )}
      <div className="buttons">
        <Button onClick={() => say(true)} disabled={request.plain && !trusted} loading={joining}>
          {t('enrollCard.accept')}
        </Button>
        <Button variant="default" onClick={() => say(false)} disabled={joining}>
          {t('enrollCard.refuse')}
        </Button>
      </div>
    </section>
  );
}
