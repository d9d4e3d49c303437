import type { RegisterRequest, RegisterResponse, ResolveResponse } from '@gatehouse/protocol';
import { conflict, HttpError, notFound } from '../http/index.ts';
import { isUniqueViolation, sha256Hex } from '../store/index.ts';
import { compile } from './compile.ts';
import { type OverlayContext, transact } from './context.ts';
import { keyContext, tokenIsGood } from './peers.ts';
import { render } from './render.ts';
import type { Snapshots } from './snapshots.ts';
import type { OverlayTables, PeerRow } from './tables.ts';

/** The peer that an enrollment token stands for; undefined when the token is unknown, spent or expired. */
export async function peerByToken({ store, now }: OverlayContext, token: string): Promise<PeerRow | undefined> {
  const row = await store
    .as<OverlayTables>()
    .selectFrom('peers')
    .selectAll()
    .where('token_hash', '=', sha256Hex(token))
    .executeTakeFirst();
  return row && tokenIsGood(row, now()) ? row : undefined;
}

/** The peer that a device credential stands for. */
export async function peerByCredential({ store }: OverlayContext, credential: string): Promise<PeerRow | undefined> {
  return store
    .as<OverlayTables>()
    .selectFrom('peers')
    .selectAll()
    .where('credential_hash', '=', sha256Hex(credential))
    .executeTakeFirst();
}

/** The wg-quick file of a peer, with the private key where the controller has it. */
export async function configOf(context: OverlayContext, snapshots: Snapshots, row: PeerRow): Promise<string> {
  const network = await snapshots.fresh(row.network_id);
  const peer = network?.peers.get(row.id);
  if (!network || !peer) throw notFound('peer');
  const privateKey = row.private_key === null ? null : context.secrets.open(row.private_key, keyContext(row.id));
  return render(compile(network, peer), privateKey);
}

const TOKEN_ADVICE = 'the enrollment token is not valid: it may be spent or expired; ask for a new one';

export async function resolveToken(
  context: OverlayContext,
  snapshots: Snapshots,
  token: string,
): Promise<ResolveResponse> {
  const row = await peerByToken(context, token);
  if (!row) throw new HttpError(404, TOKEN_ADVICE);
  return {
    network_id: row.network_id,
    peer_id: row.id,
    peer_name: row.name,
    config: await configOf(context, snapshots, row),
  };
}

/**
 * Trades an enrollment token for a device credential: takes the device's public key, deletes the private key that the
 * controller had made, and spends the token. The same call again answers the same, so a lost answer costs nothing.
 */
export async function register(
  context: OverlayContext,
  token: string,
  address: string,
  body: RegisterRequest,
): Promise<RegisterResponse> {
  const tokenHash = sha256Hex(token);
  return transact(context, async (db, emit) => {
    const row = await db
      .selectFrom('peers')
      .selectAll()
      .where((eb) => eb.or([eb('token_hash', '=', tokenHash), eb('spent_token_hash', '=', tokenHash)]))
      .executeTakeFirst();
    const answer = row && { network_id: row.network_id, peer_id: row.id, peer_name: row.name };
    if (row?.spent_token_hash === tokenHash) {
      const same = row.public_key === body.public_key && row.credential_hash === body.credential_hash;
      if (!same) throw new HttpError(404, TOKEN_ADVICE);
      return answer as RegisterResponse;
    }
    if (!row || !tokenIsGood(row, context.now())) throw new HttpError(404, TOKEN_ADVICE);
    const at = context.now().toISOString();
    const values = {
      public_key: body.public_key,
      private_key: null,
      credential_hash: body.credential_hash,
      spent_token_hash: tokenHash,
      token_hash: null,
      token: null,
      token_expires_at: null,
      token_used_at: null,
      enrolled_at: at,
      updated_at: at,
    };
    try {
      await db.updateTable('peers').set(values).where('id', '=', row.id).execute();
    } catch (error) {
      if (isUniqueViolation(error)) throw conflict('another peer has this key already: make a new one on the device');
      throw error;
    }
    const actor = { kind: 'device' as const, id: row.id, address };
    emit({ type: 'overlay.peer.enrolled', data: { networkId: row.network_id, peerId: row.id, actor } });
    return answer as RegisterResponse;
  });
}

/** A foreign agent has connected with the token: it goes on using it, so it no longer expires. */
export async function markTokenUsed({ store, now }: OverlayContext, row: PeerRow): Promise<void> {
  if (row.token_used_at !== null) return;
  await store
    .as<OverlayTables>()
    .updateTable('peers')
    .set({ token_used_at: now().toISOString() })
    .where('id', '=', row.id)
    .where('token_hash', '=', row.token_hash)
    .execute();
}
