import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import type { CallResult } from '../../core/ipc/table.ts';
import { useFrame } from '../model.tsx';
import { Copy } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { DnsName, Name } from '../parts/name.tsx';
import { List } from '../parts/page.tsx';
import { useDirectory } from '../queries.ts';

type Entry = CallResult<'directory'>['names'][number];

/** What this device may reach by name. */
export function Names() {
  const { t } = useFrame();
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 250);
  return (
    <>
      <TextInput
        type="search"
        label={t('names.search')}
        value={text}
        maxLength={253}
        spellCheck={false}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Loaded
        query={useDirectory(search)}
        empty={search === '' ? t('names.empty') : t('names.none', { search })}
        isEmpty={(directory) => directory.names.length === 0}
      >
        {(directory) => (
          <div className="card">
            <List items={directory.names} draw={(name) => <NameRow key={`${name.name} ${name.dns}`} name={name} />} />
            {directory.more && <p className="dim">{t('names.more')}</p>}
          </div>
        )}
      </Loaded>
    </>
  );
}

function NameRow({ name }: { name: Entry }) {
  const { t } = useFrame();
  return (
    <li className="row name-row">
      <div className="row-main">
        <p className="row-title">
          <Name of={name.name} />
        </p>
        {name.dns !== null && (
          <p className="dim break">
            <DnsName of={name.dns} />
          </p>
        )}
        {name.addresses.map((address) => (
          <p className="address" key={address}>
            <code>{address}</code>
            <Copy text={address} what={address} />
          </p>
        ))}
      </div>
      {name.online !== null && (
        <span className="presence" data-online={name.online}>
          {t(name.online ? 'names.online' : 'names.offline')}
        </span>
      )}
    </li>
  );
}
