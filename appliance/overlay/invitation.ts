import encodeQR from 'qr';

export interface Invitation {
  /** The controller, as the caller reaches it. */
  url: string;
  /** Opens the tray app on the device that is to join. Holds the token: good once. */
  link: string;
  /** The link as a QR code: an SVG document. */
  qr: string;
  expires: string | null;
}

/** What a person is sent to join with one device: `gatehouse://enroll?url=…&token=…`. */
export function invitationTo(url: string, token: string, expires: string | null): Invitation {
  const link = `gatehouse://enroll?${new URLSearchParams({ url, token })}`;
  return { url, link, qr: encodeQR(link, 'svg', { ecc: 'medium' }), expires };
}
