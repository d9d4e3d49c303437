import { Button } from '@mantine/core';
import type { CallResult } from '../../core/ipc/table.ts';
import { useFrame } from '../model.tsx';
import { Icon } from '../parts/icons.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { useDoctor } from '../queries.ts';

type Finding = CallResult<'doctor'>[number];
const ICONS = { ok: 'check', warning: 'warning', failed: 'problem' } as const;
const TONES = { ok: 'good', warning: 'warning', failed: 'problem' } as const;
const ORDER = { failed: 0, warning: 1, ok: 2 } as const;

/** The daemon's own check-up, what needs a hand first. */
export function Doctor() {
  const { model, t } = useFrame();
  const query = useDoctor();
  return (
    <>
      <div className="line">
        <p className="intro">{t('doctor.intro')}</p>
        <Button
          size="xs"
          variant="default"
          loading={query.isFetching}
          disabled={!model.status}
          onClick={() => void query.refetch()}
        >
          {t('doctor.again')}
        </Button>
      </div>
      <Loaded
        query={query}
        rows={6}
        waiting={t('doctor.running')}
        empty={t('doctor.empty')}
        isEmpty={(findings) => findings.length === 0}
      >
        {(findings) => <Findings findings={findings} />}
      </Loaded>
    </>
  );
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  const { t } = useFrame();
  const bad = findings.filter((finding) => finding.result === 'failed').length;
  return (
    <>
      <p className="summary" data-tone={bad === 0 ? 'good' : 'problem'}>
        <Icon name={bad === 0 ? 'check' : 'problem'} />
        {bad === 0 ? t('doctor.fine') : t('doctor.bad', { n: bad })}
      </p>
      <ul className="list card checks">
        {[...findings]
          .sort((a, b) => ORDER[a.result] - ORDER[b.result])
          .map(({ check, result, detail, advice }) => (
            <li className="row check" key={`${check} ${detail}`} data-result={result}>
              <span className="check-icon" data-tone={TONES[result]}>
                <Icon name={ICONS[result]} size={18} />
              </span>
              <div className="row-main">
                <p className="row-title">{check}</p>
                <p className="dim break">{detail}</p>
              </div>
              <span className="badge" data-tone={TONES[result]}>
                {t(`doctor.${result}`)}
              </span>
              {advice !== null && result !== 'ok' && (
                <div className="fix">
                  <p>
                    <strong>{t('doctor.advice')}:</strong> {advice}
                  </p>
                </div>
              )}
            </li>
          ))}
      </ul>
    </>
  );
}
