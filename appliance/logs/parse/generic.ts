import { put } from './fields.ts';
import { eachParam, type Line, messageOf } from './syslog.ts';
import { ipOf, macOf, portOf } from './values.ts';

/** Structured data of RFC 5424 whose names say what it is, for senders that nobody else knows. */
export function readGeneric(line: Line): boolean {
  const { fields } = line;
  if (Object.keys(fields).length === 0) return false;
  put(fields, 'msg', messageOf(line));
  eachParam(line, (_id, name, value) => {
    if (name === 'srcip' || name === 'src') put(fields, 'srcip', ipOf(value));
    else if (name === 'dstip' || name === 'dst') put(fields, 'dstip', ipOf(value));
    else if (name === 'srcport') put(fields, 'srcport', portOf(value));
    else if (name === 'dstport') put(fields, 'dstport', portOf(value));
    else if (name === 'user' || name === 'username') put(fields, 'user', value);
    else if (name === 'mac') put(fields, 'mac', macOf(value));
    else if (name === 'ip') put(fields, 'srcip', ipOf(value));
  });
  return true;
}
