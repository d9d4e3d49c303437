import { notFound, unprocessable } from '../http/index.ts';
import { parsed } from './policies.ts';
import { type PolicySet, treatment } from './policy/engine.ts';
import { canonicalMac } from './policy/mac.ts';
import { METHODS, type PolicyDocument } from './policy/model.ts';
import { type DecisionView, type ExplainBody, MAX_CHANGED } from './schema.ts';
import type { Service } from './service.ts';
import type { AccessTables } from './tables.ts';
import { DAY_PROBLEM, parseTime } from './times.ts';
import type { Decision, Facts, Method } from './types.ts';

/** Requests looked at before others get their turn: packets wait for no dry run. */
const REQUESTS_AT_ONCE = 500;

/** A decision as the API shows it. */
export const decisionView = (decision: Decision): DecisionView => ({
  action: decision.action,
  policy: decision.policy,
  ...(decision.vlan !== undefined && { vlan: decision.vlan }),
  ...(decision.role !== undefined && { role: decision.role }),
  ...(decision.acl !== undefined && { acl: typeof decision.acl === 'string' ? decision.acl : [...decision.acl] }),
  ...(decision.bandwidth && { bandwidth: decision.bandwidth as { up?: number; down?: number } }),
  ...(decision.sessionTimeout !== undefined && { session_timeout: decision.sessionTimeout }),
  ...(decision.idleTimeout !== undefined && { idle_timeout: decision.idleTimeout }),
  ...(decision.simultaneousUse !== undefined && { simultaneous_use: decision.simultaneousUse }),
  ...(decision.dailyQuota && { daily_quota: decision.dailyQuota as { bytes?: number; seconds?: number } }),
  ...(decision.portalUrl !== undefined && { portal_url: decision.portalUrl }),
  ...(decision.message !== undefined && { message: decision.message }),
  attributes: decision.attributes.map(({ name, op, value }) => ({ name, op, value })),
  overlay_groups: [...decision.overlayGroups],
  ...(decision.reason !== undefined && { reason: decision.reason }),
});

/** Why a request, real or made up, would be decided as it would be now. 404 where the journal doesn't know it. */
export async function explain(service: Service, body: ExplainBody) {
  const facts = await factsOf(service, body);
  const posture = body.request_id === undefined ? body.posture : undefined;
  const { decision, policies } = service.decider.explain(facts, posture);
  return { decision: decisionView(decision), policies };
}

async function factsOf(service: Service, body: ExplainBody): Promise<Facts> {
  if (body.request_id !== undefined) {
    const entry = service.journal.byId(body.request_id);
    if (!entry) throw notFound('request of the last day');
    return entry.facts;
  }
  const { username, nas, certificate } = body;
  if (username === undefined) throw unprocessable('username is required, or a request_id of the journal');
  const mac = body.mac === undefined ? canonicalMac(body.calling_station ?? '') : canonicalMac(body.mac);
  if (body.mac !== undefined && mac === undefined) throw unprocessable('mac is not a MAC address');
  const door = body.door ?? 'radius';
  const method = (body.method ?? (door === 'overlay' ? 'overlay' : 'pap')) as Method;
  if (!METHODS.includes(method)) throw unprocessable(`method must be one of ${METHODS.join(', ')}`);
  const at = body.at === undefined ? service.now() : parseTime(body.at);
  if (at === undefined) throw unprocessable(`at ${DAY_PROBLEM}`);
  const device = await deviceFacts(service, body.device_id, mac);
  const user = body.groups === undefined ? await service.findUser?.(username) : undefined;
  return {
    door,
    username,
    realm: body.realm,
    userId: user?.id,
    groups: [...new Set([...(body.groups ?? user?.groups ?? []), ...(device?.groups ?? [])])],
    method,
    certificate: certificate && {
      subject: certificate.subject ?? '',
      issuer: certificate.issuer ?? '',
      commonName: certificate.common_name ?? '',
      alternativeNames: certificate.alternative_names ?? [],
      serial: '',
      notAfter: '',
    },
    nas: nas && {
      id: nas.id ?? '',
      name: nas.name ?? '',
      type: nas.type ?? 'generic',
      groups: nas.groups ?? [],
      siteId: nas.site_id ?? 'default',
      address: nas.address ?? '',
    },
    ssid: body.ssid,
    calledStation: body.called_station,
    callingStation: body.calling_station,
    mac,
    device,
    voucher: await voucherFacts(service, body.voucher_id),
    at,
  };
}

async function deviceFacts({ store }: Service, id: string | undefined, mac: string | undefined) {
  if (id === undefined && mac === undefined) return undefined;
  const query = store.as<AccessTables>().selectFrom('access_devices').select(['id', 'name', 'groups']);
  const found = id === undefined ? query.where('mac', '=', mac as string) : query.where('id', '=', id);
  const row = await found.executeTakeFirst();
  if (!row && id !== undefined) throw notFound('device');
  return row && { id: row.id, name: row.name, groups: JSON.parse(row.groups) as string[] };
}

async function voucherFacts({ store }: Service, id: string | undefined) {
  if (id === undefined) return undefined;
  const row = await store
    .as<AccessTables>()
    .selectFrom('access_vouchers')
    .select('batch_id')
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw notFound('voucher');
  return { id, batchId: row.batch_id };
}

/** Whom a changed document would treat differently, by the last day's requests. */
export async function dryRun(service: Service, body: { document?: string; name?: string; delete?: boolean }) {
  const { decider, journal } = service;
  const after = trialOf(service, body);
  const before = decider.set;
  const changed = [];
  let requests = 0;
  let truncated = false;
  let seen = 0;
  // A copy: the journal goes on while this runs.
  for (const { facts, decided, count } of [...journal.entries()]) {
    if (++seen % REQUESTS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    // Who couldn't prove who they are was refused whatever the policies say.
    if (!decided) continue;
    requests++;
    const [was, is] = [before.decide(facts), after.decide(facts)];
    if (was === is || treatment(was) === treatment(is)) continue;
    if (changed.length >= MAX_CHANGED) {
      truncated = true;
      continue;
    }
    changed.push({
      username: facts.username,
      mac: facts.mac ?? null,
      nas: facts.nas?.name ?? null,
      ssid: facts.ssid ?? null,
      before: decisionView(was),
      after: decisionView(is),
      count,
    });
  }
  return { requests, changed, truncated };
}

function trialOf(service: Service, body: { document?: string; name?: string; delete?: boolean }): PolicySet {
  const named = (name: string) =>
    [...service.decider.policies.values()].find(
      ({ document }) => document.name.toLowerCase() === name.trim().toLowerCase(),
    );
  if (body.delete) {
    if (body.name === undefined) throw unprocessable('name is required: of the policy to delete');
    const gone = named(body.name);
    if (!gone) throw notFound('policy');
    return service.decider.trial((policies) => policies.delete(gone.id));
  }
  if (body.document === undefined) throw unprocessable('document is required, or {name, delete: true}');
  const document = parsed(service, body.document);
  const id = named(document.name)?.id ?? 'dry-run';
  // Version 0 is no stored one: it is compiled, and never taken for another.
  return service.decider.trial((policies) => policies.set(id, { id, version: 0, document }));
}

/** What an administrator may not have meant; `before` is how many policies were in force. */
export async function warningsOf(service: Service, document: PolicyDocument, before: number): Promise<string[]> {
  const { decide, match, enabled } = document;
  const warnings: string[] = [];
  if (enabled && before === 0) {
    const refused = await unmatchedRequests(service);
    const known = refused > 0 ? `: ${refused} of the last day's would be` : '';
    warnings.push(`requests that no policy matches are refused from now on${known}`);
  }
  const unknown = await service.unknownOverlayGroups(decide.overlay_groups);
  if (unknown.length > 0) warnings.push(`no overlay network has a group called ${unknown.join(', ')}`);
  const terms = Object.keys(decide).filter((key) => !HARMLESS_IN_DENY.has(key));
  if (decide.action === 'deny' && terms.length > 0) warnings.push(`deny: ${terms.join(', ')} is of no effect`);
  if ((decide.action === 'deny' || decide.action === 'quarantine') && Object.keys(match).length === 0) {
    warnings.push("this holds for everybody at both doors: with `door: radius` the overlay's devices stay as they are");
  }
  return warnings;
}

const HARMLESS_IN_DENY = new Set(['action', 'message', 'attributes', 'overlay_groups']);

async function unmatchedRequests({ decider, journal }: Service): Promise<number> {
  let refused = 0;
  let seen = 0;
  for (const { facts, decided } of [...journal.entries()]) {
    if (++seen % REQUESTS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    if (!decided) continue;
    const { action, policy } = decider.decide(facts);
    if (policy === null && action === 'deny') refused++;
  }
  return refused;
}
