import { textOf } from './bytes.mjs';

/** What the appliance says in a record of its own. @typedef {{ event: string, at: string, said: Record<string, any> }} Access */

/** The request is sealed when it comes; the clock may be set meanwhile. */
const MAX_APART_US = 300e6;

/** @param {string} time RFC 3339, six digits of the second, UTC */
const microseconds = (time) => Date.parse(`${String(time).slice(0, 23)}Z`) * 1000 + Number(String(time).slice(23, 26));

/**
 * What a record says if it is one about an access to the log: a search, an export, …
 * @param {import('./leaf.mjs').Line} line @param {Uint8Array | undefined} raw @returns {Access | undefined}
 */
export function accessIn(line, raw) {
  if (line.kind !== 'audit' || !raw) return undefined;
  try {
    const said = Object(JSON.parse(textOf(raw)));
    return String(said.event).startsWith('logs.') ? { event: said.event, at: String(line.received), said } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Compares what the manifest says of how the export came about with the record of the log by which it was asked for.
 * @param {Record<string, any>} manifest @param {Map<number, Access>} listed what access.jsonl has
 * @returns {{ findings: import('./chain.mjs').Finding[], proved: string[], unproved: string[] }}
 */
export function checkRequest(manifest, listed) {
  const index = manifest.request;
  const own = manifest.case === undefined ? '' : `, and the case “${manifest.case}”`;
  if (index === undefined) {
    const text = `Who made this export and when${own}: the manifest names no record of the log by which it was asked for. There is none if it was made on the box itself; else it was left out.`;
    return { findings: [], proved: [], unproved: [text] };
  }
  const access = listed.get(index);
  const fault = (/** @type {string} */ text) => ({ index, defect: 'request', text });
  if (access?.event !== 'logs.exported') {
    const text = `Record ${index}, by which this export was asked for as the manifest says, isn’t in access.jsonl, or is about something else.`;
    return { findings: [fault(text)], proved: [], unproved: [] };
  }
  const { at, said } = access;
  const findings = [];
  const differ = (/** @type {string} */ what, /** @type {unknown} */ told, /** @type {unknown} */ sealed) =>
    findings.push(
      fault(
        `The manifest says another ${what} than record ${index}, by which this export was asked for: ${JSON.stringify(told ?? null)}, not ${JSON.stringify(sealed ?? null)}.`,
      ),
    );
  if ((manifest.case ?? null) !== (said.case ?? null)) differ('case', manifest.case, said.case);
  if (!(Math.abs(microseconds(manifest.made_at) - microseconds(at)) <= MAX_APART_US))
    differ('time (made_at)', manifest.made_at, at);
  if (microseconds(manifest.from) !== microseconds(said.from)) differ('beginning (from)', manifest.from, said.from);
  // Of what is asked for the end belongs to it, of an export it doesn't.
  if (microseconds(manifest.to) !== microseconds(said.to) + 1) differ('end (to)', manifest.to, said.to);
  const asked = selectionOf(said.query);
  const told = manifest.whole ? selectionOf({}) : selectionOf(manifest.filter);
  if (JSON.stringify(asked) !== JSON.stringify(told)) differ('selection', told, asked);
  const { id, address, username } = Object(said.actor);
  const isNamed = typeof username === 'string';
  if (isNamed && manifest.by !== username) differ('name of who asked (by)', manifest.by, username);
  const name = isNamed ? `“${username}” (the user ${id})` : `the user ${id}`;
  const who = `${name}${address === undefined ? '' : ` from ${address}`}`;
  const about = typeof said.case === 'string' ? `for the case “${said.case}”` : 'without a case';
  return {
    findings,
    proved: [`This export was asked for on ${at} by ${who}, ${about} (record ${index}).`],
    unproved: isNamed
      ? []
      : [`That “${manifest.by}” is the name of the user ${id}: the record of the request has no name.`],
  };
}

/** @param {any} query @returns {{ source: string[] | null, q: string | null }} */
function selectionOf(query) {
  const { source, q } = Object(query);
  return {
    source: source === undefined || source === null ? null : [source].flat().map(String),
    q: typeof q === 'string' && q.trim() !== '' ? q : null,
  };
}
