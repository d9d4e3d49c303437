import type { Bus } from '../events/index.ts';
import type { Logger } from '../store/index.ts';
import type { LiveSession } from './sessions/index.ts';

/** Sessions are decided anew this often: windows of time open and close. */
const REVIEW_MS = 60_000;

/** Whose sessions may be treated differently now. */
interface Concerned {
  all: boolean;
  users: Set<string>;
  macs: Set<string>;
  /** Sessions of people without a user id: vouchers. */
  nameless: boolean;
}

const nobody = (): Concerned => ({ all: false, users: new Set(), macs: new Set(), nameless: false });

/**
 * Decides sessions anew after what may change them: policies, people, devices, posture, time. Events only say whose; one
 * review at a time looks at the sessions once for all that has gathered, so that an import of 10,000 people is one walk.
 */
export function createReview(options: {
  /** When what the events say holds in the directory. */
  settled(): Promise<void>;
  reauthorizeWhere(concerns: (session: Readonly<LiveSession>) => boolean): Promise<unknown>;
  log: Logger;
}) {
  const { log } = options;
  let waiting = nobody();
  let pending = false;
  let timer: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    await options.settled();
    const concerned = waiting;
    waiting = nobody();
    pending = false;
    // Nobody waits for the NAS: one that is silent takes seconds, and the next review may begin meanwhile.
    await options.reauthorizeWhere(
      ({ userId, mac }) =>
        concerned.all ||
        (userId === null ? concerned.nameless : concerned.users.has(userId)) ||
        (mac !== null && concerned.macs.has(mac)),
    );
  }
  function soon(): void {
    if (pending) return;
    pending = true;
    run().catch((error) => {
      pending = false;
      log.error({ err: error }, 'sessions could not be decided anew');
    });
  }
  const everybody = (): void => {
    waiting.all = true;
    soon();
  };

  return {
    listen(bus: Pick<Bus, 'on'>): void {
      bus.on(['access.policy.created', 'access.policy.updated', 'access.policy.deleted'], everybody);
      bus.on(['sites.site.updated'], everybody);
      bus.on(['access.posture.changed'], ({ data }) => {
        waiting.macs.add(data.mac);
        if (data.userId !== null) waiting.users.add(data.userId);
        soon();
      });
      bus.on(['access.device.updated', 'access.device.deleted'], ({ data }) => {
        waiting.macs.add(data.mac);
        soon();
      });
      bus.on(['identity.user.updated', 'identity.user.deleted'], ({ data }) => {
        waiting.users.add(data.userId);
        soon();
      });
      bus.on(['access.voucher.updated', 'access.voucher.deleted'], () => {
        waiting.nameless = true;
        soon();
      });
    },
    start(): void {
      timer = setInterval(everybody, REVIEW_MS).unref();
    },
    stop(): void {
      clearInterval(timer);
    },
  };
}
