import { lazy, Suspense, useState } from 'react';
import { formatBytes, formatRate } from '../../core/format.ts';
import type { Locale } from '../../core/types.ts';
import { useFrame } from '../model.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Card } from '../parts/page.tsx';
import { useTraffic } from '../queries.ts';
import { rowsOf, type Series, totalOf } from './series.ts';

const Chart = lazy(() => import('./chart.tsx'));
const ROWS = { seconds: 10, minutes: 24 } as const;

/** Throughput of the last minutes and hours: a picture, a sentence, and a table. */
export function Traffic() {
  const { t } = useFrame();
  const [range, setRange] = useState<'seconds' | 'minutes'>('seconds');
  const query = useTraffic();
  return (
    <Card
      title={t('traffic.title')}
      aside={
        <fieldset className="segments">
          <legend className="hidden">{t('traffic.range')}</legend>
          {(['seconds', 'minutes'] as const).map((value) => (
            <label key={value}>
              <input type="radio" name="range" checked={range === value} onChange={() => setRange(value)} />
              <span>{t(value === 'seconds' ? 'traffic.minutes' : 'traffic.hours')}</span>
            </label>
          ))}
        </fieldset>
      }
    >
      <Loaded query={query} rows={2} empty={t('traffic.empty')} isEmpty={(data) => isQuiet(data[range])}>
        {(data) => <Curve key={range} series={data[range]} rows={ROWS[range]} />}
      </Loaded>
    </Card>
  );
}

function Curve({ series, rows }: { series: Series; rows: number }) {
  const { model, t } = useFrame();
  const { locale } = model;
  const total = totalOf(series);
  const summary = t('traffic.summary', {
    rx: formatBytes(locale, total.rx),
    tx: formatBytes(locale, total.tx),
    rxtop: formatRate(locale, total.rxMax),
    txtop: formatRate(locale, total.txMax),
  });
  return (
    <>
      <div className="legend">
        <span data-series="rx">
          {t('traffic.received')} <strong>{formatRate(locale, last(series.rx) / series.step)}</strong>
        </span>
        <span data-series="tx">
          {t('traffic.sent')} <strong>{formatRate(locale, last(series.tx) / series.step)}</strong>
        </span>
      </div>
      <div className="chart" role="img" aria-label={summary}>
        <Suspense>
          <Chart series={series} locale={locale} />
        </Suspense>
      </div>
      <p className="dim small">{summary}</p>
      <details className="more">
        <summary>{t('traffic.table')}</summary>
        <Numbers series={series} rows={rows} />
      </details>
    </>
  );
}

function Numbers({ series, rows }: { series: Series; rows: number }) {
  const { model, t } = useFrame();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('traffic.time')}</th>
          <th scope="col">{t('traffic.received')}</th>
          <th scope="col">{t('traffic.sent')}</th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(series, rows).map((row) => (
          <tr key={row.at}>
            <th scope="row">{clock(model.locale, row.at)}</th>
            <td>{formatBytes(model.locale, row.rx)}</td>
            <td>{formatBytes(model.locale, row.tx)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function isQuiet(series: Series): boolean {
  const { rx, tx } = totalOf(series);
  return rx + tx === 0;
}
const last = (values: readonly number[]): number => values.at(-1) ?? 0;
const clock = (locale: Locale, iso: string): string =>
  new Date(iso).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
