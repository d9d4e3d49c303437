import { randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { badRequest, conflict, notFound } from '../../http/index.ts';
import { formatCidr, parseCidr } from '../addresses.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { OverlayTables, PolicyRow, PolicyRuleRow } from '../tables.ts';
import { changedFields, checkName, checkNameFree, checkRoom, networkRow, type Reader } from './fields.ts';
import {
  MAX_POLICIES,
  MAX_RULES,
  type Policy,
  type PolicyCreate,
  type PolicyRule,
  type PolicyRuleCreate,
  type PolicyUpdate,
} from './schema.ts';

const ruleView = ({ policy_id: _policy, position: _position, ...rule }: PolicyRuleRow): PolicyRule => rule;

/** The policies as the API shows them, with their rules: one query, however many they are. */
export async function policyViews(db: Reader, rows: readonly PolicyRow[]): Promise<Policy[]> {
  const ids = rows.map((row) => row.id);
  const rules =
    ids.length === 0
      ? []
      : await db.selectFrom('policy_rules').selectAll().where('policy_id', 'in', ids).orderBy('position').execute();
  const byPolicy = Map.groupBy(rules, (rule) => rule.policy_id);
  return rows.map(({ name_key: _, ...row }) => ({ ...row, rules: (byPolicy.get(row.id) ?? []).map(ruleView) }));
}

/** The policy; 404 when the network has none with this id. */
export async function policyRow(db: Reader, networkId: string, policyId: string): Promise<PolicyRow> {
  await networkRow(db, networkId);
  const row = await db
    .selectFrom('policies')
    .selectAll()
    .where('id', '=', policyId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw notFound('policy');
  return row;
}

const viewOf = async (db: Reader, row: PolicyRow): Promise<Policy> => (await policyViews(db, [row]))[0] as Policy;

/** Rules as they are kept. 400 where a target is no network, or no peer or group of this one; `path` names the rule. */
async function checkRules(
  db: Reader,
  networkId: string,
  rules: readonly PolicyRuleCreate[],
  path: (index: number) => string,
): Promise<PolicyRuleCreate[]> {
  const known = async (type: 'peer' | 'group'): Promise<Set<string>> => {
    const ids = rules.filter((rule) => rule.target_type === type).map((rule) => rule.target);
    if (ids.length === 0) return new Set();
    const rows = await db
      .selectFrom(type === 'peer' ? 'peers' : 'groups')
      .select('id')
      .where('network_id', '=', networkId)
      .where('id', 'in', ids)
      .execute();
    return new Set(rows.map((row) => row.id));
  };
  const targets = { peer: await known('peer'), group: await known('group') };
  return rules.map((rule, i) => {
    const field = `${path(i)}target`;
    if (rule.target_type !== 'cidr') {
      if (targets[rule.target_type].has(rule.target)) return rule;
      throw badRequest(`${field} names a ${rule.target_type} that doesn't exist in this network: ${rule.target}`);
    }
    const cidr = parseCidr(rule.target);
    if (!cidr) throw badRequest(`${field} must be a network such as 192.168.1.0/24 or 10.0.0.5/32`);
    if (cidr.hostBits) throw badRequest(`${field} has bits set behind its prefix; did you mean ${formatCidr(cidr)}?`);
    return { ...rule, target: formatCidr(cidr) };
  });
}

const ruleRow = (policyId: string, position: number, rule: PolicyRuleCreate): PolicyRuleRow => ({
  id: randomUUID(),
  policy_id: policyId,
  position,
  direction: rule.direction,
  action: rule.action,
  target: rule.target,
  target_type: rule.target_type,
  description: rule.description ?? '',
});

export async function listPolicies({ store }: OverlayContext, networkId: string): Promise<Policy[]> {
  const db = store.as<OverlayTables>();
  await networkRow(db, networkId);
  const rows = await db
    .selectFrom('policies')
    .selectAll()
    .where('network_id', '=', networkId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return policyViews(db, rows);
}

export async function getPolicy({ store }: OverlayContext, networkId: string, policyId: string): Promise<Policy> {
  const db = store.as<OverlayTables>();
  return viewOf(db, await policyRow(db, networkId, policyId));
}

export async function createPolicy(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: PolicyCreate,
): Promise<Policy> {
  const name = checkName(body.name);
  const at = context.now().toISOString();
  const row: PolicyRow = {
    id: randomUUID(),
    network_id: networkId,
    name,
    name_key: name.toLowerCase(),
    description: body.description ?? '',
    created_at: at,
    updated_at: at,
  };
  return transact(context, async (db, emit) => {
    await networkRow(db, networkId);
    const checked = await checkRules(db, networkId, body.rules ?? [], (i) => `rules.${i}.`);
    await checkNameFree(db, 'policies', 'policy', networkId, row.name_key);
    await checkRoom(db, 'policies', networkId, MAX_POLICIES);
    await db.insertInto('policies').values(row).execute();
    const rules = checked.map((rule, i) => ruleRow(row.id, i + 1, rule));
    if (rules.length > 0) await db.insertInto('policy_rules').values(rules).execute();
    emit({ type: 'overlay.policy.created', data: { networkId, policyId: row.id, name, actor } });
    const { name_key: _, ...fields } = row;
    return { ...fields, rules: rules.map(ruleView) };
  });
}

export async function updatePolicy(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  policyId: string,
  body: PolicyUpdate,
): Promise<Policy> {
  return transact(context, async (db, emit) => {
    const before = await policyRow(db, networkId, policyId);
    const name = body.name === undefined ? before.name : checkName(body.name);
    const { description = before.description } = body;
    const after: PolicyRow = { ...before, name, name_key: name.toLowerCase(), description };
    const changed = changedFields(before, after, ['name', 'description']);
    if (changed.length === 0) return viewOf(db, before);
    await checkNameFree(db, 'policies', 'policy', networkId, after.name_key, policyId);
    after.updated_at = context.now().toISOString();
    const { id: _, ...values } = after;
    await db.updateTable('policies').set(values).where('id', '=', policyId).execute();
    emit({ type: 'overlay.policy.updated', data: { networkId, policyId, changed, actor } });
    return viewOf(db, after);
  });
}

export async function deletePolicy(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  policyId: string,
): Promise<void> {
  await transact(context, async (db, emit) => {
    const { name } = await policyRow(db, networkId, policyId);
    await db.deleteFrom('policies').where('id', '=', policyId).execute();
    emit({ type: 'overlay.policy.deleted', data: { networkId, policyId, name, actor } });
  });
}

/** Adds a rule behind those that the policy has. */
export async function addRule(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  policyId: string,
  body: PolicyRuleCreate,
): Promise<PolicyRule> {
  return transact(context, async (db, emit) => {
    await policyRow(db, networkId, policyId);
    const [rule] = (await checkRules(db, networkId, [body], () => '')) as [PolicyRuleCreate];
    const { total, last } = await db
      .selectFrom('policy_rules')
      .select((eb) => [eb.fn.countAll<number>().as('total'), eb.fn.max('position').as('last')])
      .where('policy_id', '=', policyId)
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_RULES) {
      throw conflict(`the policy has ${MAX_RULES} rules, which is the most that it may have`);
    }
    const row = ruleRow(policyId, Number(last ?? 0) + 1, rule);
    await db.insertInto('policy_rules').values(row).execute();
    const updated_at = context.now().toISOString();
    await db.updateTable('policies').set({ updated_at }).where('id', '=', policyId).execute();
    emit({ type: 'overlay.policy.updated', data: { networkId, policyId, changed: ['rules'], actor } });
    return ruleView(row);
  });
}

export async function removeRule(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  policyId: string,
  ruleId: string,
): Promise<void> {
  await transact(context, async (db, emit) => {
    await policyRow(db, networkId, policyId);
    const { numDeletedRows } = await db
      .deleteFrom('policy_rules')
      .where('id', '=', ruleId)
      .where('policy_id', '=', policyId)
      .executeTakeFirst();
    if (!numDeletedRows) throw notFound('rule');
    const updated_at = context.now().toISOString();
    await db.updateTable('policies').set({ updated_at }).where('id', '=', policyId).execute();
    emit({ type: 'overlay.policy.updated', data: { networkId, policyId, changed: ['rules'], actor } });
  });
}
