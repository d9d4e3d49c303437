import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { sha256Hex } from '../store/index.ts';

/** A sign-in may take this long, from the start to the code. */
export const FLOW_SECONDS = 600;
/** Sign-ins under way; beyond it the oldest is forgotten. */
const MAX_FLOWS = 10_000;

/** What a sign-in that is under way will be held to. */
export interface Flow {
  /** PKCE, RFC 7636. */
  verifier: string;
  nonce: string;
  redirectUri: string;
}

/** What a browser's cookie holds. */
const BROWSER = /^[\w-]{43}$/;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const random = (): string => randomBytes(32).toString('base64url');
const keyOf = (browser: string): Buffer => createHash('sha256').update(`gatehouse/sign-in/${browser}`).digest();

/**
 * The sign-ins under way, by their `state`; in memory, so a restart means to begin again. Each is sealed under a key that
 * only the browser's cookie holds: another browser can't go on with it, and what is kept here tells nothing. Times are
 * milliseconds that the caller gives.
 */
export function createFlows(limit = MAX_FLOWS) {
  // In the order of their ends, as all live equally long.
  const open = new Map<string, { sealed: Buffer; ends: number }>();

  return {
    /** The secret of this browser: the one that its cookie has (it may have begun in another tab), or a new one. */
    browserOf: (cookie: string | undefined): string => (cookie && BROWSER.test(cookie) ? cookie : random()),

    /** Keeps a new flow; its `state` is to be sent along with the browser. */
    begin(browser: string, redirectUri: string, now: number): Flow & { state: string } {
      for (const [key, { ends }] of open) {
        if (ends > now && open.size < limit) break;
        open.delete(key);
      }
      const state = random();
      const flow: Flow = { verifier: random(), nonce: random(), redirectUri };
      const iv = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyOf(browser), iv, { authTagLength: TAG_BYTES });
      const text = Buffer.concat([cipher.update(JSON.stringify(flow), 'utf8'), cipher.final()]);
      const sealed = Buffer.concat([iv, text, cipher.getAuthTag()]);
      open.set(sha256Hex(state), { sealed, ends: now + FLOW_SECONDS * 1000 });
      return { ...flow, state };
    },

    /**
     * Takes a flow out, to be finished this once. `unknown`: never begun, already finished, or over. `foreign`: begun by
     * another browser, whose own it stays.
     */
    take(state: string, browser: string | undefined, now: number): Flow | 'unknown' | 'foreign' {
      const key = sha256Hex(state);
      const found = open.get(key);
      if (!found || found.ends <= now) return 'unknown';
      if (browser === undefined || !BROWSER.test(browser)) return 'foreign';
      const { sealed } = found;
      const decipher = createDecipheriv('aes-256-gcm', keyOf(browser), sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      let text: string;
      try {
        const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
        text = Buffer.concat([plain, decipher.final()]).toString('utf8');
      } catch {
        return 'foreign';
      }
      open.delete(key);
      return JSON.parse(text) as Flow;
    },
    /** Flows held, for tests. */
    get size(): number {
      return open.size;
    },
  };
}
