/** Columns of records.csv: first what is proved, then how the appliance read the message. */
const PROVED = ['index', 'received', 'kind', 'source', 'peer', 'transport', 'boot', 'monotonic_us', 'flags'];
// biome-ignore format: a list
const FIELDS = [
  'device_time', 'host', 'app', 'severity', 'event', 'action', 'srcip', 'srcport', 'dstip', 'dstport', 'natip', 'natport',
  'natdstip', 'natdstport', 'proto', 'user', 'mac', 'ip', 'hostname', 'ssid', 'bytes_in', 'bytes_out', 'rule', 'session',
];

export const CSV_HEAD = [...PROVED, 'source_name', 'parser', ...FIELDS, 'message'].map((name) => `"${name}"`).join(',');

/** What would end the line or turn its direction; the first exports named only what ends it. */
const NAMED = /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const NAMED_FIRST = /[\0-\x1f\x7f-\x9f\u2028\u2029]/g;

/** Whether this is the row of a record's line, without its end. @param {unknown} row @param {import('./leaf.mjs').Line} line */
export const isRow = (row, line) => row === csvRow(line) || row === csvRow(line, NAMED_FIRST);

/** @param {import('./leaf.mjs').Line} line @returns {string} */
function csvRow(line, named = NAMED) {
  const fields = /** @type {Record<string, unknown>} */ (line.fields ?? {});
  const message = line.erased ? '' : typeof line.raw === 'string' ? line.raw : `base64:${line.raw_base64}`;
  const proved = PROVED.map((name) => line[name]);
  const all = [...proved, line.source_name, line.parser, ...FIELDS.map((name) => fields[name]), message];
  return all.map((value) => cell(value, named)).join(',');
}

/**
 * One line in one direction whatever is in it, and no formula (a spreadsheet would run what a sender has written).
 * @param {unknown} value @param {RegExp} named @returns {string}
 */
function cell(value, named) {
  const text = String(value ?? '').replace(named, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const safe = /^[\s"']*[=+\-@\uff0b\uff0d\uff1d\uff20\\]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
