export type { SearchStats } from './messages.ts';
export { queryFault, type Search, startSearch } from './search.ts';
export type { WhoisAnswer } from './whois.ts';
