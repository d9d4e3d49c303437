export { Firewall } from './nftables.ts';
