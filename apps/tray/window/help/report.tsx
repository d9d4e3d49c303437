import { Button } from '@mantine/core';
import type { Text } from '../i18n/index.ts';
import { useCall, useFrame } from '../model.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Failure, Message } from '../parts/message.tsx';
import { useReport } from '../queries.ts';

const KINDS = ['key', 'token', 'login', 'email', 'address', 'home folder', 'host name', 'user name'] as const;

function nameOf(kind: string, t: Text): string {
  const known = KINDS.find((name) => name === kind);
  return known === undefined ? kind : t(`report.kind.${known}`);
}

/** A problem report: read in full before it is saved. */
export function Report() {
  const { t } = useFrame();
  const query = useReport();
  const save = useCall('saveReport');
  return (
    <>
      <p className="intro">{t('report.intro')}</p>
      <Loaded query={query} rows={5} empty={t('report.empty')} isEmpty={(report) => report.text === ''}>
        {({ text, redacted }) => (
          <>
            <Redacted counts={redacted} />
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
            <section className="lines wrap" lang="en" tabIndex={0} aria-label={t('report.text')}>
              {text}
            </section>
            {save.error && <Failure error={save.error} />}
            {typeof save.data === 'string' && (
              <Message tone="good" live>
                <p className="break">{t('report.saved', { path: save.data })}</p>
              </Message>
            )}
            <div className="buttons">
              <Button loading={save.isPending} onClick={() => save.mutate(null)}>
                {t('report.save')}
              </Button>
              <Button
                variant="default"
                loading={query.isFetching}
                onClick={() => {
                  save.reset();
                  void query.refetch();
                }}
              >
                {t('report.anew')}
              </Button>
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

function Redacted({ counts }: { counts: Record<string, number> }) {
  const { t } = useFrame();
  const kinds = Object.entries(counts).filter(([, count]) => count > 0);
  if (kinds.length === 0) return <p>{t('report.redactedNone')}</p>;
  return (
    <div className="redacted">
      <h2 className="small-title">{t('report.redacted')}</h2>
      <ul className="badges">
        {kinds.map(([kind, count]) => (
          <li key={kind} className="badge" data-tone="off">
            {nameOf(kind, t)}: {count}
          </li>
        ))}
      </ul>
    </div>
  );
}
