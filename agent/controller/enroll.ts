import type { RegisterResponse } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import { cleanName } from '../text.ts';
import { type Controller, register, resolveToken } from './client.ts';
import { credentialHash, newCredential, newPrivateKey, publicKeyOf } from './keys.ts';
import { certificateOf } from './pin.ts';

/** An enrollment that was begun: both secrets are made and kept before the controller hears of them. */
export interface Pending extends Controller {
  allowHttp: boolean;
  token: string;
  privateKey: string;
  credential: string;
  /** Keep the other networks. */
  add?: boolean | undefined;
}

/** Who this device is to a controller. */
export interface Identity extends Controller {
  allowHttp: boolean;
  privateKey: string;
  credential: string;
  networkId: string;
  peerId: string;
  peerName: string;
  /** Set once the controller cut this device off: what to tell the user. */
  revoked?: string | undefined;
}

/** Where enrollment keeps its two steps; each write is durable when its promise resolves. */
export interface EnrollStore {
  readPending(): Promise<Pending | null>;
  writePending(pending: Pending | null): Promise<void>;
  /** Keeps the identity, makes it the active one, and forgets the pending enrollment. */
  commit(identity: Identity, add: boolean): Promise<void>;
}

export interface EnrollRequest extends Controller {
  allowHttp: boolean;
  token: string;
  /** `sha256:…` of a certificate that the controller's is signed by, or is: it is what `ca` will be. */
  pin?: string | undefined;
  /** Keep the other networks. */
  add?: boolean | undefined;
}

/**
 * Trades a token for an identity. A crash anywhere is safe: the secrets are on disk before the controller hears of
 * them, and the same token tried again sends the same two.
 */
export async function enroll({ pin, ...given }: EnrollRequest, store: EnrollStore): Promise<Identity> {
  const request = pin === undefined ? given : { ...given, ca: await certificateOf(given, pin), pinned: true };
  const before = await store.readPending();
  if (before?.token === request.token && before.url === request.url) {
    // The answer was lost: the token may be spent already, so `resolve` could not tell. A new --ca counts.
    const { ca, pinned, allowHttp, add } = request;
    const again = { ...before, ca, pinned, allowHttp, add };
    await store.writePending(again);
    return finishPending(again, store);
  }
  await resolveToken(request, request.token);
  const { url, ca, pinned, allowHttp, token, add } = request;
  const secrets = { privateKey: newPrivateKey(), credential: newCredential() };
  const pending: Pending = { url, ca, pinned, allowHttp, token, add, ...secrets };
  await store.writePending(pending);
  return finishPending(pending, store);
}

/** The second half of `enroll`, also run at start when a pending enrollment is found. */
export async function finishPending(pending: Pending, store: EnrollStore): Promise<Identity> {
  let answer: RegisterResponse;
  try {
    answer = await register(pending, pending.token, {
      public_key: publicKeyOf(pending.privateKey),
      credential_hash: credentialHash(pending.credential),
    });
  } catch (error) {
    // Refused for good: the controller never took these secrets (or has cut them off), so nothing is lost.
    if (error instanceof AgentError && error.code === 'token-invalid') await store.writePending(null);
    throw error;
  }
  const { url, ca, allowHttp, privateKey, credential } = pending;
  const identity: Identity = {
    url,
    ca,
    allowHttp,
    privateKey,
    credential,
    networkId: answer.network_id,
    peerId: answer.peer_id,
    peerName: cleanName(answer.peer_name),
  };
  await store.commit(identity, pending.add === true);
  return identity;
}
