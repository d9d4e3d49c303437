import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A key and its certificate, as PEM and as files. */
export interface Issued {
  key: string;
  certificate: string;
  keyFile: string;
  certificateFile: string;
}

const openssl = (...args: string[]): void =>
  void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority in a folder, made with openssl: a foreign one, to prove our reading of certificates. */
export function makeAuthority(folder: string, name: string) {
  mkdirSync(folder, { recursive: true });
  const file = (what: string, ending: string) => path.join(folder, `${what}.${ending}`);
  const issued = (what: string): Issued => ({
    keyFile: file(what, 'key'),
    certificateFile: file(what, 'pem'),
    key: readFileSync(file(what, 'key'), 'utf8'),
    certificate: readFileSync(file(what, 'pem'), 'utf8'),
  });
  const ca = file('ca', 'pem');
  openssl('req', '-x509', ...P256, '-days', '30', '-subj', `/CN=${name}`, '-keyout', file('ca', 'key'), '-out', ca);
  return {
    pem: readFileSync(ca, 'utf8'),
    file: ca,
    /** `alternatives` as openssl writes them: `DNS:ap1,IP:127.0.0.1`; without any there is no subjectAltName. */
    issue(what: string, options: { subject?: string; alternatives?: string } = {}): Issued {
      const { subject = `/CN=${what}`, alternatives } = options;
      const [request, extensions] = [file(what, 'csr'), file(what, 'ext')];
      openssl('req', '-new', ...P256, '-subj', subject, '-keyout', file(what, 'key'), '-out', request);
      const usage = 'extendedKeyUsage=serverAuth,clientAuth\n';
      writeFileSync(extensions, usage + (alternatives === undefined ? '' : `subjectAltName=${alternatives}\n`));
      openssl(
        ...['x509', '-req', '-in', request, '-days', '30', '-CA', ca, '-CAkey', file('ca', 'key'), '-CAcreateserial'],
        ...['-extfile', extensions, '-out', file(what, 'pem')],
      );
      return issued(what);
    },
  };
}
export type Authority = ReturnType<typeof makeAuthority>;
