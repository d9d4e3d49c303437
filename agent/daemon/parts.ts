import type { Names } from '../dns/index.ts';
import type { Platform } from '../os/platform.ts';
import type { Portal } from '../portal/index.ts';
import type { PostureCollector } from '../posture/index.ts';
import type { TelemetryCollector } from '../telemetry/index.ts';
import type { Now } from '../tunnel/index.ts';
import type { Profiles } from './profiles.ts';
import type { Lookup } from './resolver.ts';
import type { AgentStore } from './store.ts';

/** What the daemon stands on; the optional ones have the system's by default, and tests give their own. */
export interface DaemonParts {
  interfaceName: string;
  platform: Platform;
  store: AgentStore;
  profiles: Profiles;
  log(message: string): void;
  clock?: () => Now;
  random?: () => number;
  lookup?: Lookup;
  fingerprint?: () => string;
  collector?: TelemetryCollector;
  posture?: Pick<PostureCollector, 'collect'>;
  /** A hub's DNS. */
  names?: Names;
  /** A hub's captive portal. */
  portal?: Portal;
  /** Milliseconds between ticks. */
  tickEvery?: number;
}
