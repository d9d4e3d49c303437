import { ActionIcon, VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useCall, useFrame } from '../model.tsx';
import { Icon } from './icons.tsx';

/** Puts `text` on the clipboard, and says so for two seconds. */
export function Copy({ text, what }: { text: string; what: string }) {
  const { t } = useFrame();
  const copy = useCall('copy');
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <>
      <ActionIcon
        variant="subtle"
        size={26}
        className="copy"
        data-done={done || undefined}
        aria-label={t('common.copy', { what })}
        title={t('common.copy', { what })}
        onClick={() => copy.mutate({ text }, { onSuccess: () => setDone(true) })}
      >
        <Icon name={done ? 'check' : 'copy'} size={16} />
      </ActionIcon>
      <VisuallyHidden role="status">{done ? t('common.copied') : ''}</VisuallyHidden>
    </>
  );
}
