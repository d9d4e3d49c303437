import type { ReactNode } from 'react';
import { formatAgo, formatLatency } from '../../core/format.ts';
import { useFrame, useNow } from '../model.tsx';
import { Copy } from '../parts/copy.tsx';
import { Message } from '../parts/message.tsx';
import { Name, networkText } from '../parts/name.tsx';
import { Card } from '../parts/page.tsx';

/** Where this device is, in numbers. */
export function Details() {
  const { model, t } = useFrame();
  const now = useNow(30_000);
  const { status, locale } = model;
  if (!status?.enrolled) return null;
  const { enrolled, controller, hub, latency } = status;
  const addresses = (status.interface?.addresses ?? []).map((address) => address.replace(/\/\d+$/, ''));
  const reached = controller.connected
    ? t('home.controllerOn')
    : controller.lastContact === null
      ? t('home.controllerOff')
      : t('home.controllerLast', { time: formatAgo(locale, controller.lastContact, now) });
  return (
    <Card title={t('home.details')}>
      <dl className="facts">
        <Fact name={t('home.network')}>
          <bdi>{networkText(enrolled)}</bdi>
        </Fact>
        <Fact name={t('home.device')}>
          <Name of={enrolled.peerName} />
        </Fact>
        {addresses.map((address) => (
          <Fact key={address} name={t('home.address')}>
            <code>{address}</code>
            <Copy text={address} what={address} />
          </Fact>
        ))}
        {hub && (
          <Fact name={t('home.hub')}>
            <Name of={hub.name} />
          </Fact>
        )}
        {latency !== null && <Fact name={t('home.latency')}>{formatLatency(locale, latency)}</Fact>}
        <Fact name={t('home.controller')}>{reached}</Fact>
      </dl>
      {status.warnings.length > 0 && (
        <Message tone="warning" title={t('home.warnings')}>
          {status.warnings.map((warning) => (
            <p key={warning} lang="en">
              <Name of={warning} max={500} />
            </p>
          ))}
        </Message>
      )}
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
