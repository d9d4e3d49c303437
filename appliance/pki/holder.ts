import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { unprocessable } from '../http/index.ts';
import type { NasName } from './issue.ts';
import { type CertificateBody, MAX_USERNAME } from './schema.ts';
import type { PkiContext } from './state.ts';

/** Whose certificate it is. */
export type Holder =
  /** `name` is the one that was asked for: the user's, or an e-mail address of theirs. */
  { kind: 'user'; username: string; name: string } | { kind: 'nas'; name: NasName };

type Asked = Pick<CertificateBody, 'username' | 'nas'>;
type Known = Pick<PkiContext, 'userExistsByName' | 'nasExists'>;

/** RFC 1123, section 2.1: labels of letters, digits and hyphens, which stand at no end. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DNS_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

/** 422 where it is not one user or one NAS, there is no such, or its name doesn't fit into a certificate. */
export async function holderOf(known: Known, { username, nas }: Asked): Promise<Holder> {
  if (username !== undefined && nas === undefined) return userOf(known, username);
  if (nas === undefined || username !== undefined) throw unprocessable('give either username, or nas');
  if (!(await known.nasExists(nas))) throw unprocessable(`there is no RadSec NAS ${nas}`);
  return { kind: 'nas', name: nasName(nas) };
}

async function userOf(known: Known, name: string): Promise<Holder> {
  const found = await known.userExistsByName(name);
  if (found === false) throw unprocessable(`there is no user ${name}`);
  // The login is the user's own name: an address may become somebody else's.
  const username = found === true ? name : found;
  if (![username, name].every(fits)) {
    throw unprocessable(`username does not fit into a certificate: it may have ${MAX_USERNAME} characters in one line`);
  }
  return { kind: 'user', username, name };
}

const fits = (name: string): boolean => [...name].length <= MAX_USERNAME && !/[\u0000-\u001f\u007f]/.test(name);

/** Lower-case: DNS names are compared without case, and a NAS is found so. */
function nasName(name: string): NasName {
  const value = name.toLowerCase();
  if (isIP(value) !== 0 && !value.includes('%')) {
    // A certificate has the bytes of an address: from them comes one text, which has to be the name.
    const text = ipaddr.parse(value).toString();
    if (text !== value) throw unprocessable(`nas ${name} is an address that is written ${text}: rename the NAS so`);
    return { type: 'ip', value };
  }
  if (!DNS_NAME.test(value)) {
    throw unprocessable(`nas ${name} is neither a DNS name nor an IP address, as a certificate needs: rename the NAS`);
  }
  return { type: 'dns', value };
}

/** Whether whose certificate it is are still there, by the name that was asked for. */
export async function isThere(known: Known, { username, nas }: Asked): Promise<boolean> {
  if (nas !== undefined) return known.nasExists(nas);
  return username !== undefined && (await known.userExistsByName(username)) !== false;
}
