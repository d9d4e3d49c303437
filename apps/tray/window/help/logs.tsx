import { Button, Checkbox, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useCall, useFrame } from '../model.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Failure } from '../parts/message.tsx';
import { useLogs } from '../queries.ts';

/** The clipboard takes so many characters at once; the newest count. */
const COPY_LIMIT = 65_536;

/** The daemon's last lines. */
export function Logs() {
  const { t } = useFrame();
  const [filter, setFilter] = useState('');
  const [follow, setFollow] = useState(true);
  const query = useLogs(follow);
  const copy = useCall('copy');
  const wanted = filter.trim().toLowerCase();
  const shown = (lines: readonly string[]) => lines.filter((line) => line.toLowerCase().includes(wanted));
  return (
    <>
      <div className="log-tools">
        <TextInput
          type="search"
          label={t('logs.filter')}
          value={filter}
          maxLength={200}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        <Checkbox
          label={t('logs.follow')}
          checked={follow}
          onChange={(event) => setFollow(event.currentTarget.checked)}
        />
      </div>
      {copy.error && <Failure error={copy.error} />}
      <Loaded query={query} rows={5} empty={t('logs.empty')} isEmpty={(lines) => lines.length === 0}>
        {(lines) => {
          const those = shown(lines);
          if (those.length === 0) return <Empty>{t('logs.none', { filter: filter.trim() })}</Empty>;
          return (
            <>
              <Lines lines={those} follow={follow} />
              <div className="line">
                <span className="dim">{t('logs.count', { n: those.length })}</span>
                <Button
                  size="xs"
                  variant="default"
                  onClick={() => copy.mutate({ text: those.join('\n').slice(-COPY_LIMIT) })}
                >
                  {copy.isSuccess ? t('common.copied') : t('logs.copy')}
                </Button>
              </div>
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function Lines({ lines, follow }: { lines: readonly string[]; follow: boolean }) {
  const { t } = useFrame();
  const box = useRef<HTMLPreElement>(null);
  const newest = lines.at(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it scrolls when the newest line is another one
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [newest, follow]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <pre ref={box} className="lines" lang="en" tabIndex={0} role="log" aria-live="off" aria-label={t('logs.lines')}>
      {lines.join('\n')}
    </pre>
  );
}
