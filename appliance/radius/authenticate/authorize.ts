import type { Access, Decision, Facts, Method } from '../../access/index.ts';
import type { Logger } from '../../store/index.ts';
import { CODE, MAX_PACKET, replyLength } from '../codec/index.ts';
import type { Item, Rendered } from '../render/index.ts';
import type { AccessRequest, Answer, Credentials, Subject, Verdict } from '../types.ts';
import { Admitted, createDecideAgain } from './again.ts';
import { displayName, factsOf } from './facts.ts';
import { type Fields, methodGuess, methodShown } from './fields.ts';
import { ownAttributes } from './own.ts';
import type { Limits } from './quota.ts';
import { rejection } from './reject.ts';
import { createTerms, least, type Terms, type TermsOptions, unsayable } from './terms.ts';

export type Accepted = Extract<Verdict, { outcome: 'accept' }>;

/** An accept, as sessions remember it until its accounting begins. */
export interface Admission {
  /** With its realm. */
  username: string;
  userId: string | null;
  method: Method;
  policy: string | null;
  /** The decision's attributes; the same object for the same decision and NAS type. */
  attributes: Uint8Array;
  dailyQuota: Decision['dailyQuota'];
  simultaneousUse: Decision['simultaneousUse'];
}

export interface AuthorizeOptions extends TermsOptions {
  access: Pick<Access, 'decide' | 'record'>;
  /** The realm of a name, where it has one. */
  realmOf?: (login: string, nas: AccessRequest['nas']) => string | undefined;
  /** Hears each accept. */
  admitted(request: AccessRequest, admission: Admission): void;
  log: Logger;
}

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

/** Fewer bytes of attributes fit beside any Proxy-States that a NAS or a chain of proxies adds in practice. */
const ROOMY = 1024;
/** Rejects that are logged one by one. */
const LOGGED_A_SECOND = 20;

/** Whether somebody who is who they say may in, and on what terms; says it to the NAS, the journal and the sessions. */
export function createAuthorize(options: AuthorizeOptions) {
  const { access, directory, renderer, log } = options;
  const terms = createTerms(options);
  const remembered = new Admitted();
  /** Requests that were refused here, some of them after an upstream had accepted. */
  const refusedHere = new WeakSet<AccessRequest>();

  let second = 0;
  let told = 0;
  /** A flood of rejects is in the journal and the metrics; the log has its beginning. */
  function tell(details: object): void {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      if (told > LOGGED_A_SECOND) log.info({ count: told - LOGGED_A_SECOND }, 'more were rejected');
      [second, told] = [now, 0];
    }
    if (++told <= LOGGED_A_SECOND) log.info(details, 'rejected');
  }

  function refuse(
    request: AccessRequest,
    how: How,
    facts: Facts,
    reason: string,
    message: string | undefined,
    decision?: Decision,
    method: string = how.method,
  ): Answer {
    refusedHere.add(request);
    access.record({ facts, outcome: 'reject', reason, decision });
    tell({ username: facts.username, mac: facts.mac, nas: request.nas.name, method, reason });
    return rejection(how, message);
  }

  /** The answer to somebody whose credentials are wrong. */
  function reject(request: AccessRequest, how: How, reason: string, message?: string): Answer {
    const { login: username, realm, method, certificate } = how;
    const facts = factsOf(request, how.fields, { username, realm, method, certificate, subject: undefined }, directory);
    // Without credentials the method is a guess: nobody has got as far as to show any.
    const shown = how.credentials ? method : methodShown(how.fields, request.packet);
    return refuse(request, how, facts, reason, message, undefined, shown);
  }

  function admit(
    request: AccessRequest,
    facts: Facts,
    name: string,
    subject: Subject,
    { decided, limits }: Terms,
    rendered: Rendered,
  ): void {
    access.record({ facts, outcome: 'accept', decision: decided });
    // Without policies nothing is asked of a user's facts, but for a certificate, which can't be had again.
    if (decided.policy !== null || facts.certificate || subject.kind !== 'user') {
      remembered.remember(facts, name, subject);
    }
    options.admitted(request, {
      username: name,
      userId: facts.userId ?? null,
      method: facts.method,
      policy: decided.policy?.name ?? null,
      attributes: rendered.attributes,
      dailyQuota: limits.quota,
      simultaneousUse: decided.simultaneousUse,
    });
  }

  const isDisabled = ({ device, mac }: Facts): boolean =>
    device !== undefined && mac !== undefined && directory.deviceByMac(mac)?.enabled === false;

  /** The answer to somebody whose credentials are right. */
  function accept(request: AccessRequest, how: How, verdict: Accepted): Answer {
    const { subject } = verdict;
    const { method, certificate } = how;
    const realm = verdict.realm ?? how.realm;
    const person = { username: subject.username, realm, method, certificate, subject };
    const facts = factsOf(request, how.fields, person, directory);
    if (isDisabled(facts)) return refuse(request, how, facts, DISABLED, undefined);
    const name = displayName(facts);
    const granted = terms.of(facts, name, subject, request.nas.type);
    const { rendered, decided, limits } = granted;
    if (!rendered) return refuse(request, how, facts, granted.reason ?? '', granted.message, decided);
    let attributes: Uint8Array;
    try {
      attributes = compose(request, how, verdict, rendered, limits);
    } catch (error) {
      // What doesn't fit into a packet.
      if (!(error instanceof RangeError)) throw error;
      return refuse(request, how, facts, unsayable(decided, error.message), undefined, decided);
    }
    admit(request, facts, name, subject, granted, rendered);
    return { code: CODE.accessAccept, attributes };
  }

  /** Notes what an upstream has rejected. */
  function rejectedByUpstream(request: AccessRequest, fields: Fields, login: string, realm: string | undefined): void {
    if (refusedHere.has(request)) return;
    const method = methodGuess(fields, request.packet);
    reject(request, { fields, login, realm, method }, 'rejected by the upstream server');
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
    verdict: Pick<Accepted, 'sessionTimeout' | 'attributes'>,
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
    rejectedByUpstream,
    /** For who is asked about without a request. */
    termsOf: terms.of,
    decideAgain: createDecideAgain(directory, terms, remembered, options.realmOf ?? (() => undefined)),
  };
}
export type Authorize = ReturnType<typeof createAuthorize>;

const DISABLED = 'this device is disabled';
const isWithin = (timeout: number | undefined, seconds: number): boolean => timeout !== undefined && timeout <= seconds;
