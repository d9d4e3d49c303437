/** Columns of records.csv: first what is proved, then how the appliance read the message. */
const PROVED = ['index', 'received', 'kind', 'source', 'peer', 'transport', 'boot', 'monotonic_us', 'flags'];
// biome-ignore format: a list
const FIELDS = [
  'device_time', 'host', 'app', 'severity', 'event', 'action', 'srcip', 'srcport', 'dstip', 'dstport', 'natip', 'natport',
  'natdstip', 'natdstport', 'proto', 'user', 'mac', 'ip', 'hostname', 'ssid', 'bytes_in', 'bytes_out', 'rule', 'session',
];

export const CSV_HEAD = [...PROVED, 'source_name', 'parser', ...FIELDS, 'message'].map(cell).join(',');

/** The row of a record's line, without its end. @param {import('./leaf.mjs').Line} line @returns {string} */
export function csvRow(line) {
  const fields = /** @type {Record<string, unknown>} */ (line.fields ?? {});
  const message = line.erased ? '' : typeof line.raw === 'string' ? line.raw : `base64:${line.raw_base64}`;
  const named = PROVED.map((name) => line[name]);
  return [...named, line.source_name, line.parser, ...FIELDS.map((name) => fields[name]), message].map(cell).join(',');
}

/**
 * One line in one direction whatever is in it, and no formula (a spreadsheet would run what a sender has written).
 * @param {unknown} value @returns {string}
 */
function cell(value) {
  const text = String(value ?? '').replace(
    /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const safe = /^[\s"']*[=+\-@\uff0b\uff0d\uff1d\uff20\\]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
