import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EapCredentials } from '../../appliance/radius/eap/index.ts';

/** Keys and certificates that OpenSSL has made, P-256, as files. */
export interface Certificates {
  folder: string;
  file: (name: string) => string;
  read: (name: string) => string;
  credentials: EapCredentials;
}

interface Wanted {
  name: string;
  subject: string;
  issuer: string;
  usage: 'serverAuth' | 'clientAuth';
  days: number;
}

const WANTED: readonly Wanted[] = [
  { name: 'server', subject: '/CN=radius.test', issuer: 'ca', usage: 'serverAuth', days: 30 },
  { name: 'bob', subject: '/CN=bob', issuer: 'ca', usage: 'clientAuth', days: 30 },
  { name: 'revoked', subject: '/CN=mallory', issuer: 'ca', usage: 'clientAuth', days: 30 },
  { name: 'server-as-client', subject: '/CN=bob', issuer: 'ca', usage: 'serverAuth', days: 30 },
  { name: 'stranger', subject: '/CN=bob', issuer: 'foreign', usage: 'clientAuth', days: 30 },
];

/** Two authorities, `ca` (the server's and its clients') and `foreign`; the names above. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(path.join(tmpdir(), 'eap-certs-'));
  const file = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const key = (name: string): void =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);
  for (const name of ['ca', 'foreign']) {
    key(name);
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-out',
      `${name}.pem`,
    );
  }
  for (const { name, subject, issuer, usage, days } of WANTED) {
    key(name);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    writeFileSync(file(`${name}.ext`), `basicConstraints=CA:FALSE\nextendedKeyUsage=${usage}\n`);
    const signed = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', String(days)];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  const chain = read('server.pem') + read('ca.pem');
  return { folder, file, read, credentials: { key: read('server.key'), chain, authorities: read('ca.pem') } };
}
