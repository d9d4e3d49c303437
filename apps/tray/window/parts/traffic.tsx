import { formatBytes } from '../../core/format.ts';
import { useFrame } from '../model.tsx';
import { Icon } from './icons.tsx';

/** Bytes down and up. */
export function Traffic({ rx, tx }: { rx: number; tx: number }) {
  const { model, t } = useFrame();
  return (
    <p className="traffic dim">
      <span>
        <Icon name="arrowDown" size={14} /> {formatBytes(model.locale, rx)} {t('peers.received')}
      </span>
      <span>
        <Icon name="arrowUp" size={14} /> {formatBytes(model.locale, tx)} {t('peers.sent')}
      </span>
    </p>
  );
}
