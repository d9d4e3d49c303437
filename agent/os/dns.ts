import { isIP } from 'node:net';
import { AgentError } from '../errors.ts';

/** DNS as a tunnel is to set it; no servers: none. */
export interface DnsWant {
  servers: readonly string[];
  search: readonly string[];
  /** True: only the tunnel's servers are asked. False: its servers serve its domains, the others the rest where the system can split. */
  exclusive: boolean;
}

/** Servers and domains come from the network and end up in files: nothing but addresses and names may pass. */
export function checkDns(want: DnsWant): void {
  for (const server of want.servers)
    if (isIP(server) === 0)
      throw new AgentError('apply-failed', `not a DNS server's address: ${JSON.stringify(server)}`);
  for (const domain of want.search)
    if (!/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/.test(domain))
      throw new AgentError('apply-failed', `not a search domain: ${JSON.stringify(domain)}`);
}
