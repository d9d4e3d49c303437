import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatRate } from '../../core/format.ts';
import type { Locale } from '../../core/types.ts';
import { ratesOf, type Series } from './series.ts';

const HEIGHT = 150;

/** Two curves over time. The picture only: its words are beside it. */
export default function Chart({ series, locale }: { series: Series; locale: Locale }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme();
  const data = useRef<uPlot.AlignedData>([[], [], []]);
  const { times, rx, tx } = ratesOf(series);
  data.current = [times, rx, tx];

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    plot.current = new uPlot(options(element, locale, scheme), data.current, element);
    const watch = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [locale, scheme]);
  useEffect(() => plot.current?.setData(data.current));

  return <div ref={box} className="chart-box" />;
}

function options(element: HTMLElement, locale: Locale, scheme: string): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}-${scheme}`).trim();
  const axis = {
    stroke: colour('chart-text'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('chart-grid'), width: 1 },
    ticks: { show: false },
  };
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  return {
    width: Math.max(120, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 6, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1000)] } },
    axes: [
      {
        ...axis,
        space: 70,
        size: 24,
        values: (_plot, splits) => splits.map((at) => clock.format(at * 1000)),
      },
      {
        ...axis,
        size: 66,
        space: 28,
        values: (_plot, splits) => splits.map((rate) => (rate === 0 ? '0' : formatRate(locale, rate))),
      },
    ],
    series: [
      {},
      { stroke: colour('chart-rx'), fill: colour('chart-rx-fill'), width: 1.5, points: { show: false } },
      { stroke: colour('chart-tx'), width: 1.5, dash: [4, 3], points: { show: false } },
    ],
  };
}
