import { Tabs } from '@mantine/core';
import type { Page } from '../../core/ipc/table.ts';
import { Doctor } from '../help/doctor.tsx';
import { Logs } from '../help/logs.tsx';
import { Report } from '../help/report.tsx';
import { useFrame } from '../model.tsx';
import { PageBody } from '../parts/page.tsx';

/** What is wrong, the log, and a report for the administrator. */
export default function Help() {
  const { page, go, t } = useFrame();
  return (
    <PageBody title={t('help.title')}>
      <Tabs value={page} onChange={(value) => value !== null && go(value as Page)} keepMounted={false}>
        <Tabs.List aria-label={t('help.title')} grow>
          <Tabs.Tab value="doctor">{t('help.tab.doctor')}</Tabs.Tab>
          <Tabs.Tab value="logs">{t('help.tab.logs')}</Tabs.Tab>
          <Tabs.Tab value="report">{t('help.tab.report')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="doctor">
          <Doctor />
        </Tabs.Panel>
        <Tabs.Panel value="logs">
          <Logs />
        </Tabs.Panel>
        <Tabs.Panel value="report">
          <Report />
        </Tabs.Panel>
      </Tabs>
    </PageBody>
  );
}
