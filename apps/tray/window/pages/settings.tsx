import { NativeSelect, Switch } from '@mantine/core';
import type { SettingsPatch } from '../../core/ipc/table.ts';
import { LOCALES, NOTIFICATION_KINDS } from '../../core/types.ts';
import { useCall, useFrame } from '../model.tsx';
import { Failure } from '../parts/message.tsx';
import { Card, PageBody } from '../parts/page.tsx';
import { Updates } from '../settings/updates.tsx';

/** Each language by its own name. */
const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', tr: 'Türkçe', es: 'Español' } as const;

/** What this user's app does. Each change holds at once. */
export default function Settings() {
  const { model, t } = useFrame();
  const change = useCall('settings');
  const set = (patch: SettingsPatch) => change.mutate(patch);
  const { settings } = model;
  return (
    <PageBody title={t('settings.title')}>
      {change.error && <Failure error={change.error} />}
      <Card title={t('settings.start')}>
        <Flag
          label={t('settings.launchAtLogin')}
          on={settings.launchAtLogin}
          set={(launchAtLogin) => set({ launchAtLogin })}
        />
        <Flag
          label={t('settings.connectAtLaunch')}
          on={settings.connectAtLaunch}
          set={(connectAtLaunch) => set({ connectAtLaunch })}
        />
      </Card>
      <Card title={t('settings.look')}>
        <NativeSelect
          label={t('settings.theme')}
          value={settings.theme}
          data={(['system', 'light', 'dark'] as const).map((value) => ({ value, label: t(`settings.theme.${value}`) }))}
          onChange={(event) => set({ theme: event.currentTarget.value as (typeof settings)['theme'] })}
        />
        <NativeSelect
          label={t('settings.language')}
          value={settings.language}
          data={[
            { value: 'system', label: t('settings.language.system') },
            ...LOCALES.map((value) => ({ value, label: LANGUAGES[value] })),
          ]}
          onChange={(event) => set({ language: event.currentTarget.value as (typeof settings)['language'] })}
        />
      </Card>
      <Card title={t('settings.notifications')}>
        {NOTIFICATION_KINDS.map((kind) => (
          <Flag
            key={kind}
            label={t(`settings.notify.${kind}`)}
            on={settings.notifications[kind]}
            set={(on) => set({ notifications: { [kind]: on } })}
          />
        ))}
      </Card>
      <Updates set={set} />
    </PageBody>
  );
}

function Flag({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <Switch
      className="flag"
      label={label}
      labelPosition="left"
      withThumbIndicator={false}
      checked={on}
      onChange={(event) => set(event.currentTarget.checked)}
    />
  );
}
