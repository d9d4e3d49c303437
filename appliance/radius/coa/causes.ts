/** Error-Cause: RFC 5176, section 3.5; RFC 5580, section 4; RFC 7930, section 6. */
const NAMES: Readonly<Record<number, string>> = {
  201: 'Residual-Session-Context-Removed',
  202: 'Invalid-EAP-Packet-Ignored',
  401: 'Unsupported-Attribute',
  402: 'Missing-Attribute',
  403: 'NAS-Identification-Mismatch',
  404: 'Invalid-Request',
  405: 'Unsupported-Service',
  406: 'Unsupported-Extension',
  407: 'Invalid-Attribute-Value',
  501: 'Administratively-Prohibited',
  502: 'Proxy-Request-Not-Routable',
  503: 'Session-Context-Not-Found',
  504: 'Session-Context-Not-Removable',
  505: 'Proxy-Processing-Error',
  506: 'Resources-Unavailable',
  507: 'Request-Initiated',
  508: 'Multiple-Session-Selection-Unsupported',
  509: 'Location-Info-Required',
  601: 'Response-Too-Big',
};

export const SESSION_CONTEXT_NOT_FOUND = 503;

export interface ErrorCause {
  code: number;
  name: string;
}

export const errorCause = (code: number): ErrorCause => ({ code, name: NAMES[code] ?? 'Unknown' });
