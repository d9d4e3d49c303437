import type { SecureVersion } from 'node:tls';
import type { CertificateFacts, Method } from '../../access/index.ts';
import type { Credentials, Verdict } from '../types.ts';

/** The methods that a peer is asked to start, or may ask for. */
export type OuterMethod = 'tls' | 'peap' | 'ttls';
/** What may be spoken inside PEAP, and inside TTLS by EAP. */
export type InnerMethod = 'mschapv2' | 'gtc';
export type Accepted = Extract<Verdict, { outcome: 'accept' }>;

export interface Versions {
  min: SecureVersion;
  max: SecureVersion;
}

/** What the server shows of itself, and whose certificates it believes. PEM. */
export interface EapCredentials {
  key: string;
  chain: string;
  /** Of the clients. Without any, EAP-TLS is not offered. */
  authorities: string;
  /** Of EAP-TLS; 1.2 to 1.3 unless told. */
  tls?: Versions | undefined;
  /** Of PEAP and TTLS; 1.2 to 1.3 unless told. */
  tunnels?: Versions | undefined;
}

/** Who got in, and by what. */
export interface Admission {
  login: string;
  method: Method;
  verdict: Accepted;
  certificate: CertificateFacts | undefined;
}

/** What is kept of an admission, for a peer that resumes its TLS session. */
export interface Session extends Admission {
  outer: OuterMethod;
  /** Leaf first, DER; empty where there was no certificate. */
  chain: readonly Uint8Array[];
  /** Milliseconds since 1970. */
  at: number;
}

/** What a conversation asks the main thread, which has the directory. */
export type Question =
  | { kind: 'inner'; login: string }
  | { kind: 'authenticate'; login: string; credentials: Credentials }
  | { kind: 'certificate'; chain: readonly Uint8Array[] }
  | { kind: 'resume'; session: Session };

export interface Answers {
  inner: readonly InnerMethod[];
  authenticate: Verdict;
  certificate: CertificateAnswer;
  resume: CertificateAnswer;
}

/** `login` and `certificate` are told where they are known, whatever the verdict. */
export interface CertificateAnswer {
  login: string;
  certificate: CertificateFacts | undefined;
  verdict: Verdict;
}

/** Asks in the name of the round that is being answered. */
export type Ask = <K extends Question['kind']>(question: Extract<Question, { kind: K }>) => Promise<Answers[K]>;

/** How a round ended. */
export type Outcome =
  | { kind: 'challenge'; eap: Uint8Array }
  | ({ kind: 'accept'; eap: Uint8Array; msk: Uint8Array; outerIdentity: string; resumed: boolean } & Admission)
  | { kind: 'reject'; eap: Uint8Array; reason: string; message?: string | undefined }
  | { kind: 'none'; reason: string };
