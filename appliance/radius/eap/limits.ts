/** How much EAP may take of this machine. */
export interface EapLimits {
  /** Conversations under way in one worker. */
  conversations: number;
  /** Of these, from one NAS. */
  conversationsPerNas: number;
  /** Milliseconds after which a conversation that says nothing is over. */
  idle: number;
  /** Packets of one conversation; a full PEAP takes about ten. */
  rounds: number;
  /** Bytes of one flight of TLS, its fragments joined. */
  flight: number;
  /** Bytes that come out of the tunnel at once. */
  inner: number;
  /** Sessions kept for resuming, in one worker. */
  sessions: number;
  /** Seconds for which a session may be resumed. */
  sessionLifetime: number;
  /** Requests that one worker has not answered yet. */
  pending: number;
}

export const EAP_LIMITS: EapLimits = {
  conversations: 4096,
  conversationsPerNas: 2048,
  idle: 45_000,
  rounds: 50,
  flight: 65_536,
  inner: 16_384,
  sessions: 8192,
  sessionLifetime: 3600,
  pending: 8192,
};

/**
 * EAP packets, in bytes. The default is FreeRADIUS's; a reply with more than `MAX_EAP` would be fragmented by IP on the
 * way to the NAS, which many networks lose.
 */
export const DEFAULT_EAP = 1024;
export const MIN_EAP = 500;
export const MAX_EAP = 1300;

/** An identity has 253 bytes at most, as User-Name has. */
export const MAX_IDENTITY = 253;
