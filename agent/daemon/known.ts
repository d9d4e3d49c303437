import type { Position } from '../controller/index.ts';
import type { TunnelConfig } from '../os/platform.ts';
import { EndpointResolver, type Lookup, systemLookup } from './resolver.ts';
import { Seen } from './seen.ts';
import type { Network } from './store.ts';

/** What is known of the network that this device is in: what the controller said, names looked up, where peers were seen. */
export class Known {
  readonly #lookup: Lookup;
  readonly seen = new Seen();
  position: Position | null = null;
  resolver: EndpointResolver;

  constructor(lookup: Lookup = systemLookup) {
    this.#lookup = lookup;
    this.resolver = new EndpointResolver(lookup);
  }

  /** Another network, as it is on disk; null when nothing is. */
  take(network: Network | null): void {
    this.position = network && { epoch: network.epoch, seq: network.seq, state: network.state };
    this.seen.port = network?.port;
    this.resolver = new EndpointResolver(this.#lookup, network?.addresses ?? {});
  }

  /** What goes on disk, `controller` being where it was reached last; null before there is anything. */
  network(controller: string | undefined): Network | null {
    const { port } = this.seen;
    return (
      this.position && {
        ...this.position,
        addresses: this.resolver.addresses,
        ...(port !== undefined && { port }),
        ...(controller !== undefined && { controller }),
      }
    );
  }

  /** The tunnel as it is to be, of a device that is `fresh` or runs; null before the controller said anything. */
  config(privateKey: string, fresh: boolean, past: TunnelConfig['past']): TunnelConfig | null {
    if (!this.position) return null;
    const state = this.resolver.apply(this.position.state);
    return { privateKey, state: fresh ? this.seen.fill(state) : state, formerPort: this.seen.port, past };
  }
}
