import type { AgentStatus } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import { clean } from '../text.ts';
import { ask, type Terminal } from './ask.ts';
import type { DaemonLink } from './daemon.ts';
import { UsageError } from './exit.ts';

/** Of who is left, in UTF-16 units. */
const MAX_NAME = 4096;

/** Asks, unless `yes`, and leaves. Gives the status then, and what people are told; null when they said no. */
export async function leave(
  daemon: DaemonLink,
  profile: string | undefined,
  yes: boolean,
  terminal: Terminal,
): Promise<{ status: AgentStatus; said: string } | null> {
  const before = await daemon.call('status', {});
  const leaving = profile ?? before.enrolled?.peerId;
  const wanted = leaving?.toLowerCase();
  // By name too, as the daemon finds them.
  const named = before.profiles.filter(
    ({ peerName, networkName }) => peerName.toLowerCase() === wanted || networkName?.toLowerCase() === wanted,
  );
  const found = before.profiles.find(({ id }) => id === leaving) ?? (named.length === 1 ? named[0] : undefined);
  if (profile !== undefined && !found) {
    const why =
      named.length > 1 ? `More than one network goes by '${profile}': say its id.` : `No network is '${profile}'.`;
    throw new AgentError('unknown-profile', why);
  }
  const whom = clean(found ? `${found.peerName} at ${found.url}` : 'what is left of an enrollment', MAX_NAME);
  if (!yes) {
    const warning = `This removes the identity and the keys of ${whom}. Coming back takes a new token.`;
    if (!terminal.stdin.isTTY) {
      const again = ['gatehouse leave', ...(profile === undefined ? [] : [`--profile ${profile}`]), '--yes'].join(' ');
      throw new UsageError(warning, `If that is what you want: ${again}`);
    }
    const answer = await ask(terminal, `${warning}\nLeave? [y/N] `, false);
    if (!/^y(es)?$/i.test(answer)) return null;
  }
  // Whoever was asked about, though another has become the active one since.
  const status = await daemon.call('leave', found ? { profile: found.id } : {});
  const said = [`Left: ${whom}. Nothing else is needed; an administrator may delete the peer on the controller.`];
  if (status.enrolled && status.enrolled.peerId !== before.enrolled?.peerId) {
    const { peerName, url } = status.enrolled;
    said.push(`${clean(`${peerName} at ${url}`, MAX_NAME)} is active now, and down: gatehouse up.`);
  }
  return { status, said: `${said.join('\n')}\n` };
}
