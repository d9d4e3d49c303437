import type { Logger } from '../../store/index.ts';
import { ATTRIBUTE, AttributeWriter, CODE } from '../codec/index.ts';
import type { Directory } from '../directory/index.ts';
import type { Eap, EapResult } from '../eap/index.ts';
import type { AccessRequest, Answer, Attempt, Authenticate, Handle, Nas, Source, Verdict } from '../types.ts';
import type { Authorize, How } from './authorize.ts';
import { extract } from './extract.ts';
import { type Fields, methodGuess, readFields, textOf } from './fields.ts';

/** Where a login belongs; `login` is without its realm where that is to be stripped. */
export type Resolve = (
  login: string,
  nas: Pick<Nas, 'source'> | undefined,
) => { login: string; realm?: string | undefined; source: Source };

export interface RouteOptions {
  resolve: Resolve;
  local: Authenticate;
  rest(connectorIds: readonly string[], attempt: Attempt): Promise<Verdict>;
}

export interface DispatchOptions extends RouteOptions {
  directory: Directory;
  authorize: Authorize;
  /** Undefined: EAP is off. */
  eap(): Pick<Eap, 'handle'> | undefined;
  /** `login` is what the upstream is to be asked for. */
  proxy(
    upstreamIds: readonly string[],
    request: AccessRequest,
    route: { login: string; realm: string | undefined },
  ): Promise<Answer | undefined>;
  log: Logger;
}

/** Checks an attempt where its realm says: locally or by connectors. What is proxied can't be asked inside a tunnel. */
export function createRoute({ resolve, local, rest }: RouteOptions): Authenticate {
  return (attempt) => {
    const { login, realm, source } = resolve(attempt.login, attempt.request?.nas);
    if (source.kind === 'proxy') {
      return { outcome: 'reject', reason: `the realm ${realm ?? 'of this NAS'} is proxied: not inside a tunnel` };
    }
    const routed = login === attempt.login ? attempt : { ...attempt, login };
    const verdict = source.kind === 'local' ? local(routed) : rest(source.connectorIds, routed);
    if (realm === undefined) return verdict;
    return verdict instanceof Promise ? verdict.then((late) => inRealm(late, realm)) : inRealm(verdict, realm);
  };
}

const inRealm = (verdict: Verdict, realm: string): Verdict =>
  verdict.outcome === 'accept' && verdict.realm === undefined ? { ...verdict, realm } : verdict;

/**
 * Answers Access-Requests: EAP goes to its workers, the rest to where the realm of its user name belongs. What needs
 * nobody else is answered at once, without a promise. Never throws, never rejects.
 */
export function createDispatch(options: DispatchOptions): Handle<AccessRequest> {
  const { resolve, local, rest, proxy, authorize, log } = options;

  const conclude = (request: AccessRequest, how: How, verdict: Verdict): Answer | undefined => {
    if (verdict.outcome === 'accept') return authorize.accept(request, how, verdict);
    if (verdict.outcome === 'reject') return authorize.reject(request, how, verdict.reason, verdict.message);
    log.warn({ username: how.login, nas: request.nas.name, reason: verdict.reason }, 'no answer to an Access-Request');
    return undefined;
  };

  const direct = (request: AccessRequest, fields: Fields, userName: string, routed: ReturnType<Resolve>) => {
    const { login, realm, source } = routed;
    const credentials = extract(fields, userName, request.packet, request.nas.secret);
    if (typeof credentials === 'string') {
      return authorize.reject(
        request,
        { fields, login, realm, method: methodGuess(fields, request.packet) },
        credentials,
      );
    }
    const how: How = { fields, login, realm, method: credentials.kind, credentials };
    const attempt: Attempt = { login, credentials, request };
    if (source.kind === 'rest') {
      return rest(source.connectorIds, attempt).then((verdict) => conclude(request, how, verdict));
    }
    const verdict = local(attempt);
    if (!(verdict instanceof Promise)) return conclude(request, how, verdict);
    return verdict.then((late) => conclude(request, how, late));
  };

  const byProxy = async (
    request: AccessRequest,
    fields: Fields,
    { login, realm }: ReturnType<Resolve>,
    upstreamIds: readonly string[],
  ): Promise<Answer | undefined> => {
    const answer = await proxy(upstreamIds, request, { login, realm });
    if (answer?.code === CODE.accessReject) authorize.rejectedByUpstream(request, fields, login, realm);
    return answer;
  };

  const byEap = async (request: AccessRequest, fields: Fields, login: string): Promise<Answer | undefined> => {
    const eap = options.eap();
    if (!eap) {
      log.warn({ username: login, nas: request.nas.name }, 'EAP is off: no answer');
      return undefined;
    }
    const result = await eap.handle(request);
    return answerEap(request, fields, login, result);
  };

  const answerEap = (request: AccessRequest, fields: Fields, outer: string, result: EapResult): Answer | undefined => {
    if (result.kind === 'none') {
      log.warn({ username: outer, nas: request.nas.name, reason: result.reason }, 'no answer to EAP');
      return undefined;
    }
    if (result.kind === 'challenge') {
      const writer = new AttributeWriter().long(ATTRIBUTE.eapMessage, result.eap).add(ATTRIBUTE.state, result.state);
      return { code: CODE.accessChallenge, attributes: writer.done() };
    }
    const eap = { message: result.eap, msk: undefined };
    if (result.kind === 'reject') {
      const method = methodGuess(fields, request.packet);
      const how: How = { fields, login: outer, realm: undefined, method, eap };
      return authorize.reject(request, how, result.reason, result.message);
    }
    const { login, method, certificate, verdict, msk } = result;
    const how: How = { fields, login, realm: verdict.realm, method, certificate, eap: { ...eap, msk } };
    return authorize.accept(request, how, verdict);
  };

  const failed =
    (request: AccessRequest) =>
    (error: unknown): undefined => {
      log.error({ err: error, nas: request.nas.name }, 'an Access-Request could not be answered');
      return undefined;
    };

  return (request) => {
    try {
      const fields = readFields(request.packet);
      const userName = fields.userName === undefined ? '' : textOf(fields.userName);
      if (userName === '' && !fields.eap) {
        const how: How = { fields, login: '', realm: undefined, method: methodGuess(fields, request.packet) };
        return authorize.reject(request, how, 'no User-Name');
      }
      const routed = resolve(userName, request.nas);
      const answer =
        routed.source.kind === 'proxy'
          ? byProxy(request, fields, routed, routed.source.upstreamIds)
          : fields.eap
            ? byEap(request, fields, userName)
            : direct(request, fields, userName, routed);
      return answer instanceof Promise ? answer.catch(failed(request)) : answer;
    } catch (error) {
      return failed(request)(error);
    }
  };
}
