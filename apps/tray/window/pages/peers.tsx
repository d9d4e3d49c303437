import { Tabs } from '@mantine/core';
import { useFrame } from '../model.tsx';
import { PageBody } from '../parts/page.tsx';
import { Devices } from '../peers/devices.tsx';
import { Names } from '../peers/names.tsx';
import { Routes } from '../peers/routes.tsx';

/** Whom this device talks to, which names it may reach, and what goes through the tunnel. */
export default function Peers() {
  const { t } = useFrame();
  return (
    <PageBody title={t('peers.title')}>
      <Tabs defaultValue="peers" keepMounted={false}>
        <Tabs.List aria-label={t('peers.title')} grow>
          <Tabs.Tab value="peers">{t('peers.tab.peers')}</Tabs.Tab>
          <Tabs.Tab value="names">{t('peers.tab.names')}</Tabs.Tab>
          <Tabs.Tab value="routes">{t('peers.tab.routes')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="peers">
          <Devices />
        </Tabs.Panel>
        <Tabs.Panel value="names">
          <Names />
        </Tabs.Panel>
        <Tabs.Panel value="routes">
          <Routes />
        </Tabs.Panel>
      </Tabs>
    </PageBody>
  );
}
