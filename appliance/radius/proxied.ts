import type { Authorize } from './authenticate/index.ts';
import { methodGuess, readFields } from './authenticate/index.ts';
import { CODE } from './codec/index.ts';
import type { OnAccept } from './proxy/index.ts';

/** Local policy on what an upstream server has accepted: its user is somebody whom only that server knows. */
export function createProxied({ authorize }: { authorize: Authorize }): { onAccept: OnAccept } {
  return {
    onAccept({ packet, upstream, realm }, request) {
      const fields = readFields(request.packet);
      // The upstream may say who an anonymous outer identity is (RFC 3579, section 3).
      const username = packet.text(1) ?? request.packet.text(1) ?? '';
      const subject = {
        kind: 'external' as const,
        id: upstream.id,
        username,
        userId: undefined,
        groups: [],
        device: undefined,
        voucher: undefined,
      };
      const how = { fields, login: username, realm, method: methodGuess(fields) };
      const answer = authorize.accept(request, how, { outcome: 'accept', subject });
      return answer.code === CODE.accessAccept ? answer.attributes : 'deny';
    },
  };
}
