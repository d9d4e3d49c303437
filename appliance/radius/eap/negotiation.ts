import { FLAG } from './fragments.ts';
import { EAP_CODE, EAP_TYPE, type EapResponse, eapFailure, eapPacket } from './packet.ts';
import type { InnerMethod, OuterMethod } from './types.ts';

export const METHOD_TYPES: Record<OuterMethod, number> = {
  tls: EAP_TYPE.tls,
  ttls: EAP_TYPE.ttls,
  peap: EAP_TYPE.peap,
};

/** A conversation before its method has begun: who is there, and what was proposed. */
export interface Negotiation {
  identity: string;
  /** What the peer may use, best first. */
  methods: readonly OuterMethod[];
  /** What the identity may use inside PEAP: spares a question where it is the inner one too. */
  inner: readonly InnerMethod[];
  /** Bytes of an EAP packet of ours. */
  maxPacket: number;
  /** What was proposed last. */
  method: OuterMethod | undefined;
  /** The request of it. */
  id: number;
  request: Uint8Array;
}

export type Negotiated =
  | { kind: 'challenge'; eap: Uint8Array }
  /** The peer has begun the method that was proposed. */
  | { kind: 'begun' }
  | { kind: 'reject'; eap: Uint8Array; reason: string };

/** Proposes the first method, in answer to an identity that had this id. */
export function propose(negotiation: Negotiation, id: number, methods = negotiation.methods): Negotiated {
  // Whoever refuses the method that it asked for won't take another.
  const method = methods.find((candidate) => candidate !== negotiation.method);
  if (method === undefined) return reject(id, 'no EAP method that both sides can use');
  negotiation.method = method;
  negotiation.id = (id + 1) & 0xff;
  const start = Uint8Array.of(FLAG.start);
  negotiation.request = eapPacket(EAP_CODE.request, negotiation.id, METHOD_TYPES[method], start);
  return { kind: 'challenge', eap: negotiation.request };
}

/** What follows a response to a proposal. What belongs to none is answered with the proposal again. */
export function negotiate(negotiation: Negotiation, response: EapResponse): Negotiated {
  if (response.id !== negotiation.id) return { kind: 'challenge', eap: negotiation.request };
  if (response.type === METHOD_TYPES[negotiation.method!]) return { kind: 'begun' };
  if (response.type !== EAP_TYPE.nak) return reject(response.id, `EAP type ${response.type}, which wasn't asked for`);
  const wanted = negotiation.methods.filter((method) => response.data.includes(METHOD_TYPES[method]));
  return propose(negotiation, response.id, wanted);
}

const reject = (id: number, reason: string): Negotiated => ({ kind: 'reject', eap: eapFailure(id), reason });
