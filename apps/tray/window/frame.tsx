import { ActionIcon, VisuallyHidden } from '@mantine/core';
import { Component, type ComponentType, lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import type { Page } from '../core/ipc/table.ts';
import { EnrollCard } from './home/enroll-card.tsx';
import type { en } from './i18n/en.ts';
import { useFrame } from './model.tsx';
import { Home } from './pages/home.tsx';
import { Icon, type IconName } from './parts/icons.tsx';
import { Waiting } from './parts/loaded.tsx';
import { Failure } from './parts/message.tsx';

const Help = lazy(() => import('./pages/help.tsx'));
const PAGES: Record<Page, ComponentType> = {
  home: Home,
  enroll: lazy(() => import('./pages/enroll.tsx')),
  peers: lazy(() => import('./pages/peers.tsx')),
  posture: lazy(() => import('./pages/posture.tsx')),
  activity: lazy(() => import('./pages/activity.tsx')),
  settings: lazy(() => import('./pages/settings.tsx')),
  doctor: Help,
  logs: Help,
  report: Help,
};

const NAV: readonly { page: Page; label: keyof typeof en & `nav.${string}`; icon: IconName; also: readonly Page[] }[] =
  [
    { page: 'home', label: 'nav.home', icon: 'home', also: ['enroll'] },
    { page: 'peers', label: 'nav.peers', icon: 'network', also: [] },
    { page: 'posture', label: 'nav.posture', icon: 'device', also: [] },
    { page: 'activity', label: 'nav.activity', icon: 'activity', also: [] },
    { page: 'doctor', label: 'nav.help', icon: 'help', also: ['logs', 'report'] },
    { page: 'settings', label: 'nav.settings', icon: 'settings', also: [] },
  ];

export function Frame() {
  const { model, page, go, t } = useFrame();
  const Shown = PAGES[page];
  const top = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = `${model.view.title} – ${t('app.name')}`;
  }, [model.view.title, t]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page begins at its top
  useEffect(() => {
    void top.current?.scrollIntoView();
  }, [page]);

  return (
    <div className="app" ref={top}>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header className="bar">
        <span className="brand">{t('app.name')}</span>
        <ActionIcon
          variant="subtle"
          size="lg"
          className="bar-settings"
          aria-label={t('nav.settings')}
          title={t('nav.settings')}
          {...(page === 'settings' && { 'aria-current': 'page' })}
          onClick={() => go('settings')}
        >
          <Icon name="settings" />
        </ActionIcon>
      </header>
      <nav className="nav" aria-label={t('nav.label')}>
        <ul>
          {NAV.map((item) => (
            <li key={item.page} data-page={item.page}>
              <button
                type="button"
                title={t(item.label)}
                {...((item.page === page || item.also.includes(page)) && { 'aria-current': 'page' })}
                onClick={() => go(item.page)}
              >
                <Icon name={item.icon} />
                <span className="nav-label">{t(item.label)}</span>
                {item.page === 'posture' && (model.status?.standing?.missing.length ?? 0) > 0 && (
                  <span className="nav-dot">
                    <VisuallyHidden>
                      {t('posture.bad', { n: model.status?.standing?.missing.length ?? 0 })}
                    </VisuallyHidden>
                  </span>
                )}
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" className="content" tabIndex={-1}>
        {model.enroll && <EnrollCard request={model.enroll} key={model.enroll.id} />}
        {model.failure && <Failed key={model.failure.message} message={model.failure.message} />}
        {/* Outside of the guard, which is another for each page: a page stays until the next one's script has come. */}
        <Suspense fallback={<Waiting />}>
          <Guard key={Shown === Help ? 'help' : page}>
            <Shown />
          </Guard>
        </Suspense>
      </main>
      <Announcer text={`${model.view.title}. ${model.view.detail}`} kind={`${model.view.kind} ${model.view.title}`} />
    </div>
  );
}

/** The last thing that failed by the user's hand, on whatever page they are: below the invitation, if that is there. */
function Failed({ message }: { message: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    void box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <div className="failed" ref={box}>
      <Failure error={message} />
    </div>
  );
}

/** Says the new state once, and politely; details that change within a state stay silent. */
function Announcer({ text, kind }: { text: string; kind: string }) {
  const said = useRef({ kind, text: '' });
  if (said.current.kind !== kind) said.current = { kind, text };
  return (
    <VisuallyHidden className="announcer" role="status" aria-live="polite">
      {said.current.text}
    </VisuallyHidden>
  );
}

/** A fault in one page leaves the others alone. */
class Guard extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  override render() {
    return this.state.failed ? <Fault retry={() => this.setState({ failed: false })} /> : this.props.children;
  }
}

function Fault({ retry }: { retry: () => void }) {
  return <Failure error={useFrame().t('app.crashed')} retry={retry} />;
}
