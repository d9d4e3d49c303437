import { randomUUID } from 'node:crypto';
import type { Actor, DomainEvent } from '../../events/index.ts';
import { badRequest } from '../../http/index.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { AclRow, OverlayTables } from '../tables.ts';
import { type Db, networkRow, type Reader } from './fields.ts';
import type { AclRule } from './model.ts';
import type { Acl, AclUpdate } from './schema.ts';

/** In a rule: every peer. */
const ANY = '*';

const view = (row: AclRow): Acl => ({
  id: row.id,
  name: row.name,
  enabled: row.enabled === 1,
  blocked_peers: JSON.parse(row.blocked_peers),
  rules: JSON.parse(row.rules),
});

/** The network's ACL; where nobody has set one, the one that lets everybody talk. A network has one, so that has its id. */
async function aclRow(db: Reader, networkId: string): Promise<AclRow> {
  const row = await db.selectFrom('acls').selectAll().where('network_id', '=', networkId).executeTakeFirst();
  return row ?? { network_id: networkId, id: networkId, name: 'default', enabled: 0, blocked_peers: '{}', rules: '[]' };
}

export async function getAcl({ store }: OverlayContext, networkId: string): Promise<Acl> {
  const db = store.as<OverlayTables>();
  await networkRow(db, networkId);
  return view(await aclRow(db, networkId));
}

/** Rules as they are kept: each with an id of its own, and with peers that exist. */
function checkRules(rules: NonNullable<AclUpdate['rules']>, exists: (peerId: string) => boolean): AclRule[] {
  const ids = new Set<string>();
  return rules.map((rule, i) => {
    for (const field of ['source_peer', 'target_peer'] as const) {
      if (rule[field] !== ANY && !exists(rule[field])) {
        throw badRequest(`rules.${i}.${field} names a peer that doesn't exist in this network: ${rule[field]}`);
      }
    }
    const { id: given, source_peer, target_peer, action, description = '' } = rule;
    const id = given || randomUUID();
    if (ids.has(id)) throw badRequest(`rules.${i}.id is another rule's: ${id}; leave it out for a new one`);
    ids.add(id);
    return { id, source_peer, target_peer, action, description };
  });
}

async function write(db: Db, row: AclRow): Promise<void> {
  const { network_id: _, ...values } = row;
  await db
    .insertInto('acls')
    .values(row)
    .onConflict((conflict) => conflict.column('network_id').doUpdateSet(values))
    .execute();
}

/** Replaces the network's ACL. */
export async function updateAcl(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: AclUpdate,
): Promise<Acl> {
  return transact(context, async (db, emit) => {
    await networkRow(db, networkId);
    const before = await aclRow(db, networkId);
    const peers = await db.selectFrom('peers').select('id').where('network_id', '=', networkId).execute();
    const known = new Set(peers.map((peer) => peer.id));
    const blocked = Object.entries(body.blocked_peers ?? {}).flatMap(([id, isBlocked]) => (isBlocked ? [id] : []));
    const unknown = blocked.find((id) => !known.has(id));
    if (unknown !== undefined) {
      throw badRequest(`blocked_peers names a peer that doesn't exist in this network: ${unknown}`);
    }
    const rules = checkRules(body.rules ?? [], (id) => known.has(id));
    const after: AclRow = {
      ...before,
      name: body.name ?? before.name,
      enabled: body.enabled ? 1 : 0,
      blocked_peers: JSON.stringify(Object.fromEntries(blocked.map((id) => [id, true]))),
      rules: JSON.stringify(rules),
    };
    if (JSON.stringify(after) === JSON.stringify(before)) return view(before);
    await write(db, after);
    emit({ type: 'overlay.acl.updated', data: { networkId, actor } });
    return view(after);
  });
}

/** Takes a peer that is gone out of the ACL, with the rules that name it. */
export async function dropFromAcl(
  db: Db,
  emit: (event: DomainEvent) => void,
  networkId: string,
  peerId: string,
  actor: Actor,
): Promise<void> {
  const row = await aclRow(db, networkId);
  const { blocked_peers, rules } = view(row);
  const left = rules.filter((rule) => rule.source_peer !== peerId && rule.target_peer !== peerId);
  if (!(peerId in blocked_peers) && left.length === rules.length) return;
  delete blocked_peers[peerId];
  await write(db, { ...row, blocked_peers: JSON.stringify(blocked_peers), rules: JSON.stringify(left) });
  emit({ type: 'overlay.acl.updated', data: { networkId, actor } });
}
