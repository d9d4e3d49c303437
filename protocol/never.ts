/**
 * What no device is told to use as an address, to route, or to ask for names (RFC 6890, 4291 and 5771), and what each range
 * is: the controller refuses it as it is entered, the agent as it is told.
 */
export const NEVER_USED: readonly (readonly [range: string, what: string])[] = [
  ['0.0.0.0/8', 'no address of a machine'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['::/96', 'no address of a machine, or loopback'],
  ['::ffff:0:0/96', 'IPv4 in IPv6 notation'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
];
