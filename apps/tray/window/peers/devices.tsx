import { formatAgo, formatLatency } from '../../core/format.ts';
import { useFrame, useNow } from '../model.tsx';
import { Copy } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { DnsName, Name } from '../parts/name.tsx';
import { List } from '../parts/page.tsx';
import { Traffic } from '../parts/traffic.tsx';
import { usePeers } from '../queries.ts';
import { hubsFirst, isHost, type Peer } from './order.ts';

/** The WireGuard peers, hubs first. */
export function Devices() {
  const { t } = useFrame();
  return (
    <Loaded query={usePeers()} empty={t('peers.empty')} isEmpty={(peers) => peers.length === 0}>
      {(peers) => <List items={hubsFirst(peers)} draw={(peer) => <Device key={peer.publicKey} peer={peer} />} />}
    </Loaded>
  );
}

function Device({ peer }: { peer: Peer }) {
  const { model, t } = useFrame();
  const now = useNow(10_000);
  const { locale } = model;
  const hosts = peer.allowedIps.filter(isHost).map((cidr) => cidr.replace(/\/\d+$/, ''));
  const shaken = peer.lastHandshake === null ? t('common.never') : formatAgo(locale, peer.lastHandshake, now);
  return (
    <li className="card peer">
      <div className="row">
        <h2 className="row-title">
          <Name of={peer.name} />
        </h2>
        {peer.hub && (
          <span className="badge" data-tone="busy">
            {t('peers.hub')}
          </span>
        )}
      </div>
      {hosts.map((address) => (
        <p className="address" key={address}>
          <code>{address}</code>
          <Copy text={address} what={address} />
        </p>
      ))}
      <dl className="facts">
        <div className="fact">
          <dt>{t('peers.handshake')}</dt>
          <dd>{shaken}</dd>
        </div>
        {peer.latency !== null && (
          <div className="fact">
            <dt>{t('peers.latency')}</dt>
            <dd>{formatLatency(locale, peer.latency)}</dd>
          </div>
        )}
        {peer.endpoint !== null && (
          <div className="fact">
            <dt>{t('peers.endpoint')}</dt>
            <dd>
              <code>
                <DnsName of={peer.endpoint} />
              </code>
            </dd>
          </div>
        )}
      </dl>
      <Traffic rx={peer.rx} tx={peer.tx} />
    </li>
  );
}
