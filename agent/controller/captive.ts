import { PortalTokenResponse } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { ask, type Enrolled } from './ask.ts';

const schema = Compile(PortalTokenResponse);

/**
 * Where the captive portal wants the peer with this overlay address, with a token that is good once and for 10 minutes.
 * Throws an Error whose message is for the log.
 */
export async function portalUrl(controller: Enrolled, peerIp: string): Promise<string> {
  const answer = await ask(controller, {
    method: 'POST',
    path: '/api/v1/captive-portal/token',
    json: { peer_ip: peerIp },
    expects: 201,
    schema,
    what: `the controller gives no captive token for ${peerIp}`,
  });
  return answer.portal_url;
}
