import { randomUUID } from 'node:crypto';
import type { Actor } from '../events/index.ts';
import { conflict, HttpError, notFound, unprocessable } from '../http/index.ts';
import { type DocumentChecks, parsePolicy } from './policy/document.ts';
import type { Fault, PolicyDocument, StoredPolicy } from './policy/model.ts';
import { KEPT_VERSIONS, MAX_POLICIES, type Policy, type PolicyVersion } from './schema.ts';
import { type Db, event, type Service, timestamp, transact } from './service.ts';
import type { AccessTables, PolicyRow, PolicyVersionRow } from './tables.ts';

const view = (row: PolicyRow): Policy => ({
  id: row.id,
  name: row.name,
  description: row.description,
  priority: row.priority,
  enabled: row.enabled === 1,
  version: row.version,
  document: row.document,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** What was checked when it was saved isn't asked again at a start: a policy must not be lost with a dictionary. */
const LENIENT: DocumentChecks = {
  attributeFault: () => undefined,
  decisionFault: () => undefined,
  vendors: () => ({ prefixes: () => ['00:00:00'] }),
};

/** Reads the policies into memory. */
export async function loadPolicies({ store, decider, log }: Service): Promise<void> {
  const rows = await store.as<AccessTables>().selectFrom('access_policies').selectAll().execute();
  decider.change((policies) => {
    policies.clear();
    for (const row of rows) {
      const parsed = parsePolicy(row.document, LENIENT);
      if ('faults' in parsed) log.error({ policy: row.name, faults: parsed.faults }, 'a stored policy cannot be read');
      else policies.set(row.id, { id: row.id, version: row.version, document: parsed.policy });
    }
  });
}

/** The document as a policy. 422 with every fault, its line and column. */
export function parsed(service: Pick<Service, 'checks'>, text: string): PolicyDocument {
  const result = parsePolicy(text, service.checks);
  if ('policy' in result) return result.policy;
  throw refused(result.faults);
}

function refused(faults: readonly Fault[]): HttpError {
  const [first] = faults as [Fault];
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  const where = first.path === '' ? '' : `${first.path}: `;
  return unprocessable(`line ${first.line}, column ${first.column}: ${where}${first.message}${more}`, { faults });
}

export async function listPolicies({ store }: Service): Promise<Policy[]> {
  const rows = await store
    .as<AccessTables>()
    .selectFrom('access_policies')
    .selectAll()
    .orderBy('priority')
    .orderBy('name_key')
    .execute();
  return rows.map(view);
}

/** 404 when there is no such policy. */
export async function getPolicy({ store }: Service, id: string): Promise<Policy> {
  return view(await rowOf(store.as<AccessTables>(), id));
}

type Reader = Pick<Db, 'selectFrom'>;

async function rowOf(db: Reader, id: string): Promise<PolicyRow> {
  const row = await db.selectFrom('access_policies').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('policy');
  return row;
}

const keyOf = (name: string): string => name.normalize('NFC').toLowerCase();

/** Makes the policy, or another version of the one with its name. */
export async function savePolicy(
  service: Service,
  text: string,
  actor: Actor,
  expected?: { version: number },
): Promise<{ policy: Policy; created: boolean }> {
  const document = parsed(service, text);
  return transact(service, async (db, emit, orElse) => {
    const before = await db
      .selectFrom('access_policies')
      .selectAll()
      .where('name_key', '=', keyOf(document.name))
      .executeTakeFirst();
    if (before) {
      checkVersion(before, expected && { ...expected, status: 409 });
      const policy = await replace({ service, db, emit, orElse }, before, text, document, actor, 'updated');
      return { policy, created: false };
    }
    const { count } = await db
      .selectFrom('access_policies')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_POLICIES) throw conflict(`there are ${MAX_POLICIES} policies already: delete some first`);
    const at = timestamp(service.now());
    const row = { ...columnsOf(document, text), id: randomUUID(), version: 1, created_at: at, updated_at: at };
    await db.insertInto('access_policies').values(row).execute();
    await keepVersion(db, row, actor, 'created');
    hold({ service, orElse }, { id: row.id, version: 1, document });
    emit(event('access.policy.created', { policyId: row.id, name: row.name, version: 1 }, actor));
    return { policy: view(row), created: true };
  });
}

/** Another version of one policy; its name may change. 409 or 412 where `expected` isn't the current version. */
export async function updatePolicy(
  service: Service,
  id: string,
  text: string,
  actor: Actor,
  expected?: { version: number; status: 409 | 412 },
): Promise<Policy> {
  const document = parsed(service, text);
  return transact(service, async (db, emit, orElse) => {
    const before = await rowOf(db, id);
    checkVersion(before, expected);
    return replace({ service, db, emit, orElse }, before, text, document, actor, 'updated');
  });
}

/** Takes the document of an earlier version again, as a new version. */
export async function restorePolicy(service: Service, id: string, version: number, actor: Actor): Promise<Policy> {
  return transact(service, async (db, emit, orElse) => {
    const before = await rowOf(db, id);
    const { document: text } = await versionOf(db, id, version);
    return replace({ service, db, emit, orElse }, before, text, parsed(service, text), actor, 'restored');
  });
}

export async function deletePolicy(service: Service, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit, orElse) => {
    const { name } = await rowOf(db, id);
    await db.deleteFrom('access_policies').where('id', '=', id).execute();
    orElse(service.decider.change((policies) => policies.delete(id)));
    emit(event('access.policy.deleted', { policyId: id, name }, actor));
  });
}

function checkVersion(row: PolicyRow, expected: { version: number; status: 409 | 412 } | undefined): void {
  if (!expected || expected.version === row.version) return;
  throw new HttpError(
    expected.status,
    `the policy is at version ${row.version}, not ${expected.version}: somebody has changed it meanwhile`,
  );
}

type Change = Parameters<Parameters<typeof transact<unknown>>[1]>;
interface Writing {
  service: Service;
  db: Change[0];
  emit: Change[1];
  orElse: Change[2];
}

async function replace(
  { service, db, emit, orElse }: Writing,
  before: PolicyRow,
  text: string,
  document: PolicyDocument,
  actor: Actor,
  change: PolicyVersionRow['change'],
): Promise<Policy> {
  if (before.document === text) return view(before);
  const columns = columnsOf(document, text);
  if (columns.name_key !== before.name_key) {
    const taken = await db
      .selectFrom('access_policies')
      .select('id')
      .where('name_key', '=', columns.name_key)
      .executeTakeFirst();
    if (taken) throw conflict(`there is another policy with the name ${document.name}`);
  }
  const row = { ...before, ...columns, version: before.version + 1, updated_at: timestamp(service.now()) };
  const { id: _, ...values } = row;
  await db.updateTable('access_policies').set(values).where('id', '=', row.id).execute();
  await keepVersion(db, row, actor, change);
  hold({ service, orElse }, { id: row.id, version: row.version, document });
  emit(event('access.policy.updated', { policyId: row.id, name: row.name, version: row.version }, actor));
  return view(row);
}

/** From here on it decides. */
function hold({ service, orElse }: Pick<Writing, 'service' | 'orElse'>, policy: StoredPolicy): void {
  orElse(service.decider.change((policies) => policies.set(policy.id, policy)));
}

const columnsOf = (document: PolicyDocument, text: string) => ({
  name: document.name,
  name_key: keyOf(document.name),
  description: document.description,
  priority: document.priority,
  enabled: document.enabled ? 1 : 0,
  document: text,
});

async function keepVersion(db: Db, row: PolicyRow, actor: Actor, change: PolicyVersionRow['change']): Promise<void> {
  const version: PolicyVersionRow = {
    policy_id: row.id,
    version: row.version,
    document: row.document,
    at: row.updated_at,
    actor_kind: actor.kind,
    actor_id: actor.id,
    change,
  };
  await db.insertInto('access_policy_versions').values(version).execute();
  await db
    .deleteFrom('access_policy_versions')
    .where('policy_id', '=', row.id)
    .where('version', '<=', row.version - KEPT_VERSIONS)
    .execute();
}

const versionView = (row: PolicyVersionRow): PolicyVersion => ({
  version: row.version,
  at: row.at,
  by: { kind: row.actor_kind, id: row.actor_id },
  change: row.change,
});

/** The newest first. */
export async function listVersions({ store }: Service, id: string): Promise<PolicyVersion[]> {
  const db = store.as<AccessTables>();
  await rowOf(db, id);
  const rows = await db
    .selectFrom('access_policy_versions')
    .selectAll()
    .where('policy_id', '=', id)
    .orderBy('version', 'desc')
    .execute();
  return rows.map(versionView);
}

export async function getVersion({ store }: Service, id: string, version: number) {
  const row = await versionOf(store.as<AccessTables>(), id, version);
  return { ...versionView(row), document: row.document };
}

async function versionOf(db: Reader, id: string, version: number): Promise<PolicyVersionRow> {
  const row = await db
    .selectFrom('access_policy_versions')
    .selectAll()
    .where('policy_id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw notFound('version of this policy');
  return row;
}
