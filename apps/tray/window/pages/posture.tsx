import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { formatAgo } from '../../core/format.ts';
import type { CallResult } from '../../core/ipc/table.ts';
import { factText } from '../../core/posture.ts';
import { call } from '../bridge.ts';
import { useFrame, useNow } from '../model.tsx';
import { Icon } from '../parts/icons.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Failure, Message } from '../parts/message.tsx';
import { Name, nameText } from '../parts/name.tsx';
import { PageBody } from '../parts/page.tsx';
import { queryClient, usePosture } from '../queries.ts';

type Check = CallResult<'posture'>['checks'][number];
/** No praise for what nobody asked for: `ok` says only that no policy objects. */
const ICONS = { ok: 'info', failed: 'warning', unknown: 'unknown' } as const;
const TONES = { ok: 'off', failed: 'warning', unknown: 'off' } as const;

/** What the network asks of this device, what it found, and how to mend it. */
export default function Posture() {
  const { model, t } = useFrame();
  const now = useNow(10_000);
  const query = usePosture();
  const again = useMutation({
    networkMode: 'always',
    mutationFn: () => call('posture', { anew: true }),
    onSuccess: (data) => queryClient.setQueriesData({ queryKey: ['posture'] }, data),
  });
  const reason = model.status?.standing?.reason ?? null;
  return (
    <PageBody
      title={t('posture.title')}
      aside={
        <Button
          size="xs"
          variant="default"
          loading={again.isPending}
          disabled={!model.status}
          onClick={() => again.mutate()}
        >
          {t('posture.again')}
        </Button>
      }
    >
      <p className="intro">{t('posture.intro')}</p>
      {again.error && <Failure error={again.error} />}
      {reason !== null && (
        <Message tone="warning">
          <p>
            <Name of={reason} max={500} />
          </p>
        </Message>
      )}
      <Loaded query={query} rows={6} empty={t('posture.empty')} isEmpty={(data) => data.checks.length === 0}>
        {({ checks, collected }) => {
          const failed = checks.filter((check) => check.result === 'failed');
          return (
            <>
              <p className="summary" data-tone={failed.length === 0 ? 'good' : 'warning'}>
                <Icon name={failed.length === 0 ? 'check' : 'warning'} />
                {failed.length === 0 ? t('posture.fine') : t('posture.bad', { n: failed.length })}
                <span className="dim">{t('posture.collected', { time: formatAgo(model.locale, collected, now) })}</span>
              </p>
              <ul className="list card checks">
                {[...failed, ...checks.filter((check) => check.result !== 'failed')].map((check) => (
                  <CheckRow key={check.fact} check={check} />
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </PageBody>
  );
}

function CheckRow({ check }: { check: Check }) {
  const { model, t } = useFrame();
  const { fact, value, result, wanted, source } = check;
  const { name, advice } = factText(model.locale, model.platform, fact, wanted ?? '');
  const plain = (word: string): string =>
    word === 'true' ? t('common.yes') : word === 'false' ? t('common.no') : word;
  const told = value === null ? t('common.unknown') : nameText(plain(`${value}`), 256);
  return (
    <li className="row check" data-result={result}>
      <span className="check-icon" data-tone={TONES[result]}>
        <Icon name={ICONS[result]} size={18} />
      </span>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="dim">
          {told}
          {source !== null && ` · ${t('posture.source', { source })}`}
        </p>
      </div>
      <span className="badge" data-tone={TONES[result]}>
        {t(`posture.${result}`)}
      </span>
      {result === 'failed' && (
        <div className="fix">
          {wanted !== null && <p>{t('posture.wanted', { wanted: nameText(plain(wanted), 256) })}</p>}
          <p>
            <strong>{t('posture.how')}:</strong> {advice}
          </p>
        </div>
      )}
    </li>
  );
}
