import { formatTime } from '../../core/format.ts';
import type { CallResult } from '../../core/ipc/table.ts';
import { useFrame, useNow } from '../model.tsx';
import { duration } from '../parts/duration.ts';
import { Loaded } from '../parts/loaded.tsx';
import { nameText } from '../parts/name.tsx';
import { List, PageBody } from '../parts/page.tsx';
import { Traffic } from '../parts/traffic.tsx';
import { useSessions } from '../queries.ts';

type Session = CallResult<'sessions'>[number];

/** The times that the tunnel carried traffic, the newest first. */
export default function Activity() {
  const { t } = useFrame();
  const newest = (sessions: readonly Session[]) =>
    [...sessions].sort((a, b) => Date.parse(b.since) - Date.parse(a.since));
  return (
    <PageBody title={t('activity.title')}>
      <Loaded query={useSessions()} empty={t('activity.empty')} isEmpty={(sessions) => sessions.length === 0}>
        {(sessions) => (
          <List items={newest(sessions)} draw={(session) => <Row key={session.since} session={session} />} />
        )}
      </Loaded>
    </PageBody>
  );
}

function Row({ session }: { session: Session }) {
  const { model, t } = useFrame();
  const now = useNow(30_000);
  const { locale } = model;
  const { since, until, ended, hub, networkName } = session;
  const lasted = duration(locale, (until === null ? now : Date.parse(until)) - Date.parse(since));
  return (
    <li className="card session">
      <div className="row">
        <h2 className="row-title">{formatTime(locale, since, now)}</h2>
        <span className="badge" data-tone={until === null ? 'good' : 'off'}>
          {lasted}
        </span>
      </div>
      <p>
        {[
          networkName === null ? null : nameText(networkName),
          hub === null ? null : t('activity.through', { hub: nameText(hub) }),
        ]
          .filter((part) => part !== null)
          .join(' ')}
      </p>
      <Traffic rx={session.rx} tx={session.tx} />
      <p className="dim">
        {until === null
          ? t('activity.running')
          : `${t('activity.until', { time: formatTime(locale, until, now) })}${ended === null ? '' : `: ${t(`ended.${ended}`)}`}`}
      </p>
    </li>
  );
}
