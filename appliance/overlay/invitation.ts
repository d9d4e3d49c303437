import encodeQR from 'qr';
import { conflict } from '../http/index.ts';

export interface Invitation {
  /** The controller, as devices reach it. */
  url: string;
  /** Opens the tray app on the device that is to join. Holds the token: good once. */
  link: string;
  /** The link as a QR code: an SVG document. */
  qr: string;
  /** By what the device knows the controller's certificate; null where a public authority vouches for it. */
  pin: string | null;
  expires: string | null;
}

/** Where devices reach this appliance, and how it serves TLS there. */
export interface Reach {
  /** As it is set; undefined is where the administrator who asks reaches it. */
  publicUrl: string | undefined;
  tls:
    | {
        /** `sha256:…`; undefined where a public authority vouches for the certificate. */
        pin: string | undefined;
        /** Made here, for names that are set here. */
        selfSigned: boolean;
        isFor(host: string): boolean;
      }
    | undefined;
}

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0|\[::\])$/;

/**
 * The controller's URL for an invitation, asked for by `protocol` and `host`, and its pin. Throws 409 with what to do where
 * no device could use it.
 */
export function reachedAt(asked: { protocol: string; host: string }, { publicUrl, tls }: Reach) {
  const url = publicUrl ?? `${asked.protocol}://${asked.host}`;
  const parsed = URL.parse(url);
  const host = parsed?.hostname ?? '';
  const set = 'set GATEHOUSE_PUBLIC_URL to where devices reach this appliance, such as https://gate.example.org';
  if (publicUrl === undefined && (host === '' || LOOPBACK.test(host))) {
    throw conflict(
      `you asked by ${asked.host || 'no address'}, which leads a device to itself: ${set}, or ask by that address`,
    );
  }
  const secure = parsed?.protocol === 'https:';
  if (secure && tls?.selfSigned && !tls.isFor(host.replace(/^\[|\]$/g, ''))) {
    throw conflict(
      `the certificate of this appliance is not for ${host}: set GATEHOUSE_PUBLIC_URL to ${url}, and it is made for it ` +
        'with the next start',
    );
  }
  return { url, pin: (secure && tls?.pin) || null };
}

/** What a person is sent to join with one device: `gatehouse://enroll?url=…&token=…`, and `&pin=…` where there is one. */
export function invitationTo(
  { url, pin }: { url: string; pin: string | null },
  token: string,
  expires: string | null,
): Invitation {
  const link = `gatehouse://enroll?${new URLSearchParams({ url, token, ...(pin !== null && { pin }) })}`;
  return { url, link, qr: encodeQR(link, 'svg', { ecc: 'medium' }), pin, expires };
}
