import type { AgentStatus } from '@gatehouse/protocol';
import { ActionIcon, Button } from '@mantine/core';
import { useState } from 'react';
import { useAct, useFrame } from '../model.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Icon } from '../parts/icons.tsx';
import { hostOf, Name, networkText } from '../parts/name.tsx';
import { Card } from '../parts/page.tsx';

type Profile = AgentStatus['profiles'][number];

/** The networks that this device belongs to: one is in use. */
export function Networks() {
  const { model, go, t } = useFrame();
  const { act, pending } = useAct();
  const [leaving, setLeaving] = useState<Profile | null>(null);
  const profiles = model.status?.profiles ?? [];
  if (profiles.length === 0) return null;
  return (
    <Card title={t('networks.title')}>
      <ul className="list">
        {profiles.map((profile) => (
          <li key={profile.id} className="row">
            <div className="row-main">
              <p className="row-title">
                <bdi>{networkText(profile)}</bdi>
              </p>
              <p className="dim">
                <Name of={profile.peerName} /> · <bdi>{hostOf(profile.url)}</bdi>
              </p>
              {profile.revoked && <p className="text-problem">{t('networks.revoked')}</p>}
            </div>
            {profile.active ? (
              <span className="badge" data-tone="good">
                {t('networks.active')}
              </span>
            ) : (
              <Button
                size="xs"
                variant="default"
                disabled={pending || profile.revoked}
                aria-label={t('networks.useOf', { name: networkText(profile) })}
                onClick={() => act({ id: 'use-profile', profile: profile.id })}
              >
                {t('networks.use')}
              </Button>
            )}
            <ActionIcon
              variant="subtle"
              aria-label={t('networks.remove', { name: networkText(profile) })}
              title={t('networks.remove', { name: networkText(profile) })}
              onClick={() => setLeaving(profile)}
            >
              <Icon name="trash" size={18} />
            </ActionIcon>
          </li>
        ))}
      </ul>
      <Button variant="subtle" size="sm" leftSection={<Icon name="plus" size={16} />} onClick={() => go('enroll')}>
        {t('networks.add')}
      </Button>
      {leaving && (
        <Confirm
          title={t('networks.removeTitle', { name: networkText(leaving) })}
          accept={t('networks.removeDo')}
          onAccept={() => act({ id: 'remove-profile', profile: leaving.id })}
          onClose={() => setLeaving(null)}
        >
          <p>{t('networks.removeText', { name: networkText(leaving) })}</p>
          {leaving.active && model.toggle.on && <p>{t('networks.removeActive')}</p>}
        </Confirm>
      )}
    </Card>
  );
}
