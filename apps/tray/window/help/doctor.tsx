import { Button } from '@mantine/core';
import type { CallResult } from '../../core/ipc/table.ts';
import { useFrame } from '../model.tsx';
import { Icon } from '../parts/icons.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { nameText } from '../parts/name.tsx';
import { useDoctor } from '../queries.ts';
import { checkFix, checkName } from './checks.ts';

type Finding = CallResult<'doctor'>[number];
const ICONS = { ok: 'check', warning: 'warning', failed: 'problem' } as const;
const TONES = { ok: 'good', warning: 'warning', failed: 'problem' } as const;
/** As much as a finding says. */
const LONGEST = 1000;
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
          .map((finding) => (
            <Row key={`${finding.check} ${finding.detail}`} finding={finding} />
          ))}
      </ul>
    </>
  );
}

/** Our words first; the daemon's, which are English and exact, below. */
function Row({ finding }: { finding: Finding }) {
  const { t } = useFrame();
  const { result, detail, advice } = finding;
  const fix = checkFix(finding, t);
  const words = result === 'ok' ? null : advice;
  return (
    <li className="row check" data-result={result}>
      <span className="check-icon" data-tone={TONES[result]}>
        <Icon name={ICONS[result]} size={18} />
      </span>
      <div className="row-main">
        <p className="row-title">{checkName(finding, t)}</p>
        <p className="dim break" lang="en" dir="ltr">
          {nameText(detail, LONGEST)}
        </p>
      </div>
      <span className="badge" data-tone={TONES[result]}>
        {t(`doctor.${result}`)}
      </span>
      {(fix !== null || words !== null) && (
        <div className="fix">
          {fix !== null && (
            <p>
              <strong>{t('doctor.advice')}:</strong> {fix}
            </p>
          )}
          {words !== null && (
            <p className="break">
              <strong>{t(fix === null ? 'doctor.advice' : 'common.words')}:</strong>{' '}
              <span lang="en" dir="ltr">
                {nameText(words, LONGEST)}
              </span>
            </p>
          )}
        </div>
      )}
    </li>
  );
}
