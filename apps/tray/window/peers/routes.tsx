import { useFrame } from '../model.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { nameText } from '../parts/name.tsx';
import { List } from '../parts/page.tsx';
import { usePeers } from '../queries.ts';
import { hubsFirst, isHost, type Peer } from './order.ts';

/** Networks that go into the tunnel. */
export function Routes() {
  const { t } = useFrame();
  const routesOf = (peers: readonly Peer[]) =>
    hubsFirst(peers).flatMap((peer) =>
      peer.allowedIps.filter((cidr) => !isHost(cidr)).map((cidr) => ({ cidr, peer: peer.name, key: peer.publicKey })),
    );
  return (
    <Loaded query={usePeers()} empty={t('routes.empty')} isEmpty={(peers) => routesOf(peers).length === 0}>
      {(peers) => (
        <div className="card">
          <List
            items={routesOf(peers)}
            draw={(route) => (
              <li className="row" key={`${route.key} ${route.cidr}`}>
                <code className="row-main">{route.cidr}</code>
                <bdi className="dim">{t('routes.through', { peer: nameText(route.peer) })}</bdi>
              </li>
            )}
          />
        </div>
      )}
    </Loaded>
  );
}
