import { Button, NativeSelect, Progress } from '@mantine/core';
import { formatAgo, formatTime } from '../../core/format.ts';
import type { SettingsPatch } from '../../core/ipc/table.ts';
import type { Update, WindowModel } from '../../core/types.ts';
import type { Text } from '../i18n/index.ts';
import { useAct, useFrame, useNow } from '../model.tsx';
import { Card } from '../parts/page.tsx';

/** Which updates come, how far the next one is, and what runs now. */
export function Updates({ set }: { set: (patch: SettingsPatch) => void }) {
  const { model, t } = useFrame();
  const { act } = useAct();
  const now = useNow(30_000);
  const { update, settings } = model;
  return (
    <Card title={t('settings.updates')}>
      <p role="status">{describe(update, model, t, now)}</p>
      {update.stale !== undefined && (
        <p role="status">
          <strong>{t('update.stale', { time: formatTime(model.locale, update.stale) })}</strong>
        </p>
      )}
      {update.kind === 'downloading' && (
        <Progress
          value={update.percent}
          aria-label={t('update.downloading', { version: update.version, percent: `${Math.round(update.percent)}` })}
        />
      )}
      <div className="buttons">
        {update.kind === 'ready' ? (
          <Button onClick={() => act({ id: 'install-update' })}>{t('update.install')}</Button>
        ) : (
          update.kind !== 'off' && (
            <Button
              variant="default"
              loading={update.kind === 'checking'}
              disabled={update.kind === 'downloading'}
              onClick={() => act({ id: 'check-update' })}
            >
              {t('update.check')}
            </Button>
          )
        )}
      </div>
      <NativeSelect
        label={t('settings.channel')}
        value={settings.updateChannel}
        disabled={update.kind === 'off'}
        data={(['stable', 'beta'] as const).map((value) => ({ value, label: t(`settings.channel.${value}`) }))}
        onChange={(event) => set({ updateChannel: event.currentTarget.value as 'stable' | 'beta' })}
      />
      <p className="dim">
        {model.daemonVersion === null
          ? t('settings.versionNoDaemon', { app: model.appVersion })
          : t('settings.version', { app: model.appVersion, daemon: model.daemonVersion })}
      </p>
    </Card>
  );
}

function describe(update: Update, model: WindowModel, t: Text, now: number): string {
  switch (update.kind) {
    case 'off':
      return t('update.off', { reason: t(`update.off.${update.reason}`) });
    case 'none':
      if (update.checked === null) return t('update.none');
      // Nothing newer is known, which is not to say that there is nothing.
      return t(update.stale === undefined ? 'update.checked' : 'update.looked', {
        time: formatAgo(model.locale, update.checked, now),
      });
    case 'checking':
      return t('update.checking');
    case 'downloading':
      return t('update.downloading', { version: update.version, percent: `${Math.round(update.percent)}` });
    case 'ready':
      return t('update.ready', { version: update.version });
    case 'failed':
      return t('update.failed', { message: update.message });
  }
}
