import { type Authorize, methodGuess, readFields } from './authenticate/index.ts';
import { ATTRIBUTE, CODE } from './codec/index.ts';
import type { ProxyOptions } from './proxy/index.ts';
import type { AccessRequest, Answer } from './types.ts';

/** Local policy on what upstream servers say: their users are people whom only those servers know. */
export function createProxied({ authorize }: { authorize: Authorize }) {
  const onAccept: NonNullable<ProxyOptions['onAccept']> = ({ packet, upstream, realm }, request) => {
    const fields = readFields(request.packet);
    // The upstream may say who an anonymous outer identity is (RFC 3579, section 3).
    const username = packet.text(ATTRIBUTE.userName) ?? request.packet.text(ATTRIBUTE.userName) ?? '';
    const subject = {
      kind: 'external' as const,
      id: upstream.id,
      username,
      userId: undefined,
      groups: [],
      device: undefined,
      voucher: undefined,
    };
    const how = { fields, login: username, realm, method: methodGuess(fields, request.packet) };
    const sessionTimeout = packet.number(ATTRIBUTE.sessionTimeout);
    const answer = authorize.accept(request, how, { outcome: 'accept', subject, sessionTimeout });
    return answer.code === CODE.accessAccept ? answer.attributes : { deny: answer.attributes };
  };
  return {
    onAccept,
    /** Passes an upstream's answer on; a reject is noted like one of ours. */
    noted(request: AccessRequest, realm: string | undefined, answer: Answer | undefined): Answer | undefined {
      if (answer?.code === CODE.accessReject) {
        const login = request.packet.text(ATTRIBUTE.userName) ?? '';
        authorize.rejectedByUpstream(request, readFields(request.packet), login, realm);
      }
      return answer;
    },
  };
}
