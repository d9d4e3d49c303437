import { PortalTokenResponse } from '@gatehouse/protocol';
import got from 'got';
import { Compile } from 'typebox/compile';
import { AGENT_VERSION } from '../config.ts';
import type { Controller } from './client.ts';
import { explain } from './failure.ts';
import { authorities } from './trust.ts';

const TIMEOUT = { connect: 5_000, request: 8_000 };
const schema = Compile(PortalTokenResponse);

/**
 * Where the captive portal wants the peer with this overlay address, with a token that is good once and for 10 minutes.
 * Throws an Error whose message is for the log.
 */
export async function portalUrl(controller: Controller & { credential: string }, peerIp: string): Promise<string> {
  const response = await got
    .post(`${controller.url}/api/v1/captive-portal/token`, {
      headers: {
        authorization: `Bearer ${controller.credential}`,
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': `gatehouse/${AGENT_VERSION}`,
      },
      json: { peer_ip: peerIp },
      https: { certificateAuthority: authorities(controller.ca) },
      // The credential goes to the address it was given for and to no other.
      followRedirect: false,
      decompress: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: TIMEOUT,
    })
    .catch((error: unknown) => {
      throw explain(error, new URL(controller.url).origin);
    });
  let body: unknown;
  try {
    body = JSON.parse(response.body);
  } catch {
    // said below
  }
  if (response.statusCode === 201 && schema.Check(body)) return body.portal_url;
  const said = (body as { error?: unknown } | undefined)?.error;
  throw new Error(
    `the controller gives no captive token for ${peerIp} (HTTP ${response.statusCode})` +
      (typeof said === 'string' ? `: ${said.slice(0, 200).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')}` : ''),
  );
}
