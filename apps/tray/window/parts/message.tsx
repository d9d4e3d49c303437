import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { errorText } from '../bridge.ts';
import { useFrame } from '../model.tsx';
import { Icon, type IconName } from './icons.tsx';

const ICONS: Record<'info' | 'good' | 'warning' | 'problem', IconName> = {
  info: 'info',
  good: 'check',
  warning: 'warning',
  problem: 'problem',
};

/** A few lines that stand out: by icon and words, not by colour alone. */
export function Message(props: {
  tone: keyof typeof ICONS;
  title?: string;
  children?: ReactNode;
  /** Read out when it appears. */
  live?: boolean;
}) {
  return (
    <div className="message" data-tone={props.tone} {...(props.live && { role: 'alert' })}>
      <Icon name={ICONS[props.tone]} />
      <div className="message-body">
        {props.title !== undefined && <p className="message-title">{props.title}</p>}
        {props.children}
      </div>
    </div>
  );
}

/** What failed, and a way to try again where there is one. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useFrame();
  return (
    <Message tone="problem" title={t('common.failed')} live>
      <p>{errorText(error)}</p>
      {retry && (
        <Button size="xs" variant="default" onClick={retry}>
          {t('common.retry')}
        </Button>
      )}
    </Message>
  );
}
