import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in a text, each as text, unchecked. */
export const splitCertificates = (text: string): string[] => text.match(CERTIFICATE) ?? [];

/** The certificates of a PEM file, each as text. Throws where it can't be read, has none, or one is malformed. */
export function readCertificates(file: string): string[] {
  const certificates = splitCertificates(readFileSync(file, 'utf8'));
  if (certificates.length === 0) throw new Error(`${file} has no certificate in PEM`);
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw new Error(`${file} has a certificate that cannot be read: ${(error as Error).message}`);
    }
  }
  return certificates;
}
