import { clean } from '../../core/text.ts';

/** Longer than a device or a network is called; the whole of a DNS name. */
const LONGEST = 80;
const LONGEST_DNS = 253;

/** A name from outside for sentences and labels: one line, nothing unseen in it, nothing that turns what follows. */
export const nameText = (name: string, max = LONGEST): string => clean(name, max);

/** The same on the page, where it has a direction of its own. */
export function Name({ of, max }: { of: string; max?: number }) {
  return <bdi>{nameText(of, max)}</bdi>;
}

export function DnsName({ of }: { of: string }) {
  return <Name of={of} max={LONGEST_DNS} />;
}

/** Host, and port where it isn't the scheme's. */
export const hostOf = (url: string): string => nameText(URL.canParse(url) ? new URL(url).host : url, LONGEST_DNS);

/** What a network is called: its name, or where its controller is. */
export const networkText = ({ networkName, url }: { networkName: string | null; url: string }): string =>
  nameText(networkName ?? '') || hostOf(url);
