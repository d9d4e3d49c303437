import type { Access, Decision, Facts, Method } from '../../access/index.ts';
import type { Logger } from '../../store/index.ts';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  encryptSalted,
  MAX_PACKET,
  mppeKeys,
  replyLength,
  VENDOR,
} from '../codec/index.ts';
import { type DeviceEntry, type Directory, deviceSubject, type VoucherEntry, voucherEnd } from '../directory/index.ts';
import { mppeKeysV2 } from '../mschap/index.ts';
import type { Item, Rendered, Renderer } from '../render/index.ts';
import type { AccessRequest, Answer, Credentials, Subject, Verdict } from '../types.ts';
import { factsOf, groupsOf, type Person } from './facts.ts';
import { type Fields, MS_CHAP } from './fields.ts';
import { type Limits, limitsOf, quotaOf, type UsageOf } from './quota.ts';
import { rejection } from './reject.ts';

export type Accepted = Extract<Verdict, { outcome: 'accept' }>;

/** An accept, as sessions remember it until its accounting begins. */
export interface Admission {
  username: string;
  userId: string | null;
  method: Method;
  policy: string | null;
  /** The decision's attributes; the same object for the same decision and NAS type. */
  attributes: Uint8Array;
  dailyQuota: Decision['dailyQuota'];
}

export interface AuthorizeOptions {
  access: Pick<Access, 'decide' | 'record'>;
  directory: Directory;
  renderer: Renderer;
  /** What somebody uses now and has used today. */
  usage: UsageOf;
  /** Hears each accept. */
  admitted(request: AccessRequest, admission: Admission): void;
  log: Logger;
}

/** What a session is to be from now on. */
export type Again = Pick<Admission, 'attributes' | 'policy' | 'dailyQuota'>;

/** How somebody has come, and what the answer to that needs. */
export interface How {
  fields: Fields;
  /** As it was typed, without a realm that was stripped. */
  login: string;
  realm: string | undefined;
  method: Method;
  certificate?: Facts['certificate'];
  credentials?: Credentials | undefined;
  eap?: { message: Uint8Array; msk: Uint8Array | undefined } | undefined;
}

/** Of an active session, to decide it anew. */
export interface Standing {
  request: Pick<AccessRequest, 'nas' | 'address' | 'at'>;
  username: string;
  userId: string | undefined;
  method: Method;
  realm?: string | undefined;
  mac?: string | undefined;
  ssid?: string | undefined;
  calledStation?: string | undefined;
}

/** Fewer bytes of attributes fit beside any Proxy-States that a NAS or a chain of proxies adds in practice. */
const ROOMY = 1024;
/** RFC 2548, sections 2.4.4 and 2.4.5: encryption is allowed, of 40 or 128 bits. */
const [MPPE_POLICY, MPPE_POLICY_ALLOWED, MPPE_TYPES, MPPE_TYPES_ANY] = [7, 1, 8, 6];
const MPPE_ATTRIBUTES = new AttributeWriter()
  .vendor(VENDOR.microsoft, MPPE_POLICY, MPPE_POLICY_ALLOWED)
  .vendor(VENDOR.microsoft, MPPE_TYPES, MPPE_TYPES_ANY)
  .done();

/** Whether somebody who is who they say may in, and on what terms; says it to the NAS, the journal and the sessions. */
export function createAuthorize(options: AuthorizeOptions) {
  const { access, directory, renderer, log } = options;
  const voucherById = (id: string) => directory.voucherById(id);
  /** Decisions that a voucher's own bandwidth has changed. */
  const narrowed = new WeakMap<Decision, Map<string, Decision>>();

  /** The decision with a voucher's bandwidth, where that is less. The same object for the same of both. */
  function effective(decision: Decision, subject: Subject): Decision {
    const own = subject.kind === 'voucher' ? directory.voucherById(subject.id)?.bandwidth : undefined;
    if (!own) return decision;
    const bandwidth = { up: least(decision.bandwidth?.up, own.up), down: least(decision.bandwidth?.down, own.down) };
    const key = `${bandwidth.up}/${bandwidth.down}`;
    let known = narrowed.get(decision);
    if (!known) {
      known = new Map();
      narrowed.set(decision, known);
    }
    let changed = known.get(key);
    if (!changed) {
      changed = { ...decision, bandwidth };
      known.set(key, changed);
    }
    return changed;
  }

  function refuse(
    request: AccessRequest,
    how: How,
    facts: Facts,
    reason: string,
    message: string | undefined,
    decision?: Decision,
  ): Answer {
    access.record({ facts, outcome: 'reject', reason, decision });
    log.info(
      { username: facts.username, mac: facts.mac, nas: request.nas.name, method: how.method, reason },
      'rejected',
    );
    return rejection(how, message);
  }

  /** The answer to somebody whose credentials are wrong. */
  function reject(request: AccessRequest, how: How, reason: string, message?: string): Answer {
    const { login: username, realm, method, certificate } = how;
    const facts = factsOf(request, how.fields, { username, realm, method, certificate, subject: undefined }, directory);
    return refuse(request, how, facts, reason, message);
  }

  /** The answer to somebody whose credentials are right. */
  function accept(request: AccessRequest, how: How, verdict: Accepted): Answer {
    const { subject } = verdict;
    const realm = verdict.realm ?? how.realm;
    const { method, certificate } = how;
    const person: Person = { username: subject.username, realm, method, certificate, subject };
    const facts = factsOf(request, how.fields, person, directory);
    const device = facts.device && directory.deviceByMac(facts.mac ?? '');
    if (device && !device.enabled) return refuse(request, how, facts, 'this device is disabled', undefined);
    const decided = access.decide(facts);
    if (decided.action === 'deny') {
      const reason = decided.reason ?? `denied by the policy ${decided.policy?.name ?? ''}`;
      return refuse(request, how, facts, reason, decided.message, decided);
    }
    const decision = effective(decided, subject);
    const limits = limitsOf(decision, facts, voucherById, options.usage);
    if (limits.refused) return refuse(request, how, facts, limits.refused.reason, limits.refused.message, decided);
    const rendered = renderer.render(decision, request.nas.type);
    // A decision that can't be told in full would be another one.
    if (rendered.problem) return refuse(request, how, facts, unsayable(decided, rendered.problem), undefined, decided);
    let attributes: Uint8Array;
    try {
      attributes = compose(request, how, verdict, rendered, limits);
    } catch (error) {
      // What doesn't fit into a packet.
      if (!(error instanceof RangeError)) throw error;
      return refuse(request, how, facts, unsayable(decided, error.message), undefined, decided);
    }
    access.record({ facts, outcome: 'accept', decision: decided });
    options.admitted(request, {
      username: facts.username,
      userId: facts.userId ?? null,
      method,
      policy: decided.policy?.name ?? null,
      attributes: rendered.attributes,
      dailyQuota: limits.quota,
    });
    return { code: CODE.accessAccept, attributes };
  }

  function compose(
    request: AccessRequest,
    how: How,
    verdict: Accepted,
    rendered: Rendered,
    limits: Limits,
  ): Uint8Array {
    const own = ownAttributes(request, how, verdict);
    const decided = decidedAttributes(request, verdict, rendered, limits);
    const attributes = own ? own.raw(decided).done() : decided;
    // The proxies' states go into the reply too (RFC 2865, section 5.33).
    if (attributes.length > ROOMY && replyLength(request.packet, attributes.length) > MAX_PACKET) {
      throw new RangeError(`a reply of ${attributes.length} bytes of attributes, where a packet has ${MAX_PACKET}`);
    }
    return attributes;
  }

  function decidedAttributes(
    { packet, nas }: AccessRequest,
    verdict: Accepted,
    rendered: Rendered,
    limits: Limits,
  ): Uint8Array {
    const seconds = least(verdict.sessionTimeout, limits.seconds);
    const more = verdict.attributes !== undefined && verdict.attributes.length > 0;
    if (!more && !rendered.encrypted && (seconds === undefined || isWithin(rendered.sessionTimeout, seconds))) {
      return rendered.attributes;
    }
    let items: readonly Item[] = rendered.items;
    if (more) {
      const problems: string[] = [];
      items = renderer.merge(items, verdict.attributes ?? [], problems);
      if (problems.length > 0) log.warn({ problems: problems.slice(0, 8) }, 'attributes of a connector were left out');
    }
    if (seconds !== undefined) items = renderer.bound(items, seconds);
    return renderer.encode(items, { authenticator: packet.authenticator, secret: nas.secret });
  }

  return {
    accept,
    reject,
    /** What a session that is under way is to be now; undefined: its person is known elsewhere. */
    decideAgain(standing: Standing): Again | 'deny' | undefined {
      const { request, username, userId, method, realm, mac, ssid, calledStation } = standing;
      if (!directory.loaded) return undefined;
      const { nas, address, at } = request;
      const device = mac === undefined ? undefined : directory.deviceByMac(mac);
      if (device && !device.enabled) return 'deny';
      const person = standingPerson(directory, standing, device);
      if (person === undefined || person === 'gone') return person && 'deny';
      const facts: Facts = {
        door: 'radius',
        username,
        realm,
        userId,
        groups: groupsOf(person, device?.facts),
        method,
        nas: { id: nas.id, name: nas.name, type: nas.type, groups: nas.groups, siteId: nas.siteId, address },
        ssid,
        calledStation,
        callingStation: mac,
        mac,
        device: person.device ?? device?.facts,
        voucher: person.voucher,
        at,
      };
      const decided = access.decide(facts);
      const decision = effective(decided, person);
      const rendered = decided.action === 'deny' ? undefined : renderer.render(decision, nas.type);
      if (!rendered || rendered.problem) return 'deny';
      return {
        attributes: rendered.attributes,
        policy: decided.policy?.name ?? null,
        dailyQuota: quotaOf(decision, facts, voucherById),
      };
    },
  };
}
export type Authorize = ReturnType<typeof createAuthorize>;

/** What belongs to the method, before what is decided; undefined where there is nothing. */
function ownAttributes({ packet, nas }: AccessRequest, how: How, verdict: Accepted): AttributeWriter | undefined {
  const { eap, credentials } = how;
  if (eap) {
    const writer = new AttributeWriter().long(ATTRIBUTE.eapMessage, eap.message);
    if (eap.msk) {
      // RFC 2548, section 2.4: what the NAS receives with is the first half (RFC 5216, section 2.3).
      writer.raw(mppeKeys(eap.msk.subarray(32, 64), eap.msk.subarray(0, 32), packet, nas.secret));
    }
    // The outer identity may be anonymous; accounting is to have the real one (RFC 3579, section 3).
    const name = Buffer.from(verdict.subject.username);
    return name.length > 0 && name.length <= 253 ? writer.add(ATTRIBUTE.userName, name) : writer;
  }
  if (credentials?.kind !== 'mschapv2' || !verdict.mschapv2) return undefined;
  const { authenticatorResponse, ntHashHash } = verdict.mschapv2;
  const keys = mppeKeysV2(ntHashHash, credentials.response);
  const success = Buffer.from(`_S=${authenticatorResponse}`, 'latin1');
  success[0] = credentials.ident;
  return new AttributeWriter()
    .vendor(VENDOR.microsoft, MS_CHAP.success, success)
    .vendor(VENDOR.microsoft, MS_CHAP.sendKey, encryptSalted(keys.send, packet.authenticator, nas.secret))
    .vendor(VENDOR.microsoft, MS_CHAP.recvKey, encryptSalted(keys.recv, packet.authenticator, nas.secret))
    .raw(MPPE_ATTRIBUTES);
}

/** Who a session is of, as the directory knows them now. */
function standingPerson(
  directory: Directory,
  { username, userId, method, request }: Standing,
  device: DeviceEntry | undefined,
): Subject | 'gone' | undefined {
  if (userId !== undefined) {
    const user = directory.userById(userId);
    if (!user?.enabled) return 'gone';
    return method === 'mab' && device ? deviceSubject(device, directory) : user.subject;
  }
  if (method === 'mab') return device?.mab ? deviceSubject(device, directory) : 'gone';
  const voucher = directory.voucher(username);
  if (voucher) return isOver(voucher, request.at) ? 'gone' : voucher.subject;
  return device && device.mac === username ? deviceSubject(device, directory) : undefined;
}

const isOver = (voucher: VoucherEntry, now: number): boolean =>
  !voucher.enabled || (voucherEnd(voucher, now) ?? Number.POSITIVE_INFINITY) <= now;

const unsayable = (decision: Decision, problem: string): string =>
  `the policy ${decision.policy?.name ?? ''} can't be told to this NAS: ${problem}`;
const isWithin = (timeout: number | undefined, seconds: number): boolean => timeout !== undefined && timeout <= seconds;

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
