import type { CallResult } from '../../core/ipc/table.ts';

export type Series = CallResult<'traffic'>['seconds'];

/** What a chart draws: seconds since the epoch, and bytes per second each way. */
export interface Rates {
  times: number[];
  rx: number[];
  tx: number[];
}

export function ratesOf(series: Series): Rates {
  const begin = Date.parse(series.start) / 1000;
  const { step } = series;
  return {
    times: series.rx.map((_, index) => begin + index * step),
    rx: series.rx.map((bytes) => bytes / step),
    tx: series.tx.map((bytes) => bytes / step),
  };
}

export interface Total {
  rx: number;
  tx: number;
  /** Highest rates of one step, bytes per second. */
  rxMax: number;
  txMax: number;
}

export function totalOf(series: Series): Total {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const top = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
  return {
    rx: sum(series.rx),
    tx: sum(series.tx),
    rxMax: top(series.rx) / series.step,
    txMax: top(series.tx) / series.step,
  };
}

/** The series in `rows` equal parts, the newest first: what a table can say of a curve. */
export function rowsOf(series: Series, rows: number): { at: string; rx: number; tx: number }[] {
  const width = Math.max(1, Math.ceil(series.rx.length / rows));
  const begin = Date.parse(series.start);
  const parts: { at: string; rx: number; tx: number }[] = [];
  for (let from = 0; from < series.rx.length; from += width) {
    const part = (values: readonly number[]) =>
      values.slice(from, from + width).reduce((total, value) => total + value, 0);
    parts.push({
      at: new Date(begin + from * series.step * 1000).toISOString(),
      rx: part(series.rx),
      tx: part(series.tx),
    });
  }
  return parts.reverse();
}
