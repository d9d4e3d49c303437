import { Button, Switch } from '@mantine/core';
import type { WindowModel } from '../../core/types.ts';
import { useAct, useFrame, useNow } from '../model.tsx';
import { duration } from '../parts/duration.ts';
import { nameText } from '../parts/name.tsx';
import { StateIcon } from '../parts/state-icon.tsx';

/** The one glance: shape, words, and what helps now. */
export function Hero() {
  const { model, t } = useFrame();
  const { act } = useAct();
  const { view, toggle } = model;
  const now = useNow(20_000);
  // Of a connection the detail says it.
  const since = view.since === null || view.kind === 'connected' ? null : now - Date.parse(view.since);
  return (
    <section className="hero" data-tone={view.tone} data-kind={view.kind}>
      <StateIcon tone={view.tone} size={68} />
      <h1 tabIndex={-1}>{view.title}</h1>
      {view.detail !== '' && <p className="hero-detail">{view.detail}</p>}
      {since !== null && since >= 60_000 && (
        <p className="dim">{t('home.for', { duration: duration(model.locale, since) })}</p>
      )}
      {hasSwitch(model) && (
        <Switch
          className="hero-switch"
          size="lg"
          withThumbIndicator={false}
          checked={toggle.on}
          disabled={!toggle.enabled}
          aria-busy={toggle.busy}
          aria-label={t('home.switch')}
          label={t('home.switch')}
          description={t(toggle.on ? 'home.switchOn' : 'home.switchOff')}
          labelPosition="left"
          onChange={() => act({ id: toggle.on ? 'disconnect' : 'connect' })}
        />
      )}
      <Words />
      <Actions />
    </section>
  );
}

/** States of which the daemon has more to say than there are texts for. */
const WORDY: readonly WindowModel['view']['kind'][] = ['degraded', 'no-internet', 'error'];
/** What it says of a device that is in no network, and nothing is wrong with that. */
const USUAL = /^This device is not enrolled/;

/** The daemon's own words for what is wrong: English, and exact. */
function Words() {
  const { model, t } = useFrame();
  const { kind } = model.view;
  const message = model.status?.cause?.message ?? '';
  const broken = kind === 'not-enrolled' && !USUAL.test(message);
  const words = broken || WORDY.includes(kind) ? nameText(message, 500) : '';
  if (words === '') return null;
  return (
    <details className="words" open={broken}>
      <summary>{t('common.words')}</summary>
      <p lang="en" dir="ltr">
        {words}
      </p>
    </details>
  );
}

/** Someone who was signed out can switch nothing on. */
const hasSwitch = ({ status, view }: WindowModel): boolean => status?.enrolled != null && view.kind !== 'signed-out';

/** What the state offers, except what the page has already. */
function Actions() {
  const { model } = useFrame();
  const { act } = useAct();
  const shown = model.view.actions.filter(({ action: { id } }) => {
    if (id === 'connect' || id === 'disconnect') return !hasSwitch(model);
    // The invitation lies on the page already.
    return id !== 'enroll' || model.enroll === null;
  });
  if (shown.length === 0) return null;
  return (
    <div className="buttons hero-buttons">
      {shown.map(({ action, label, primary }) => (
        <Button
          key={`${action.id} ${action.profile ?? ''}`}
          variant={primary ? 'filled' : 'default'}
          onClick={() => act(action)}
        >
          {label}
        </Button>
      ))}
    </div>
  );
}
