export { Firewall } from './nftables.ts';
export { planFirewall } from './plan.ts';
export { renderTable } from './render.ts';
