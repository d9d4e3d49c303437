/** What no signature can prove; said with every result. */
export const LIMITS = [
  'That what a device sent was true, or that it sent all it had to say: the log proves what was received, and when.',
  'How the appliance read a message (its fields, the columns of the table behind “flags”, report.pdf): what counts is the message itself.',
  'Anything, if the keys aren’t those that were noted when the log was set up: compare them.',
];

/**
 * What a sender or whoever changed an export has written does nothing where it is shown: no other line, no colours, no
 * other direction. @param {string} text
 */
const harmless = (text) =>
  text.replace(
    /[\0-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The report as people read it. @param {import('./core.mjs').Report} report @returns {string[]} */
export function inWords({ ok, findings, proved, remarks, unproved, more }) {
  const list = (/** @type {string[]} */ items) => items.map((item) => `  - ${harmless(item)}`);
  return [
    ok
      ? 'VERIFIED: this export is genuine as far as can be proved.'
      : `NOT VERIFIED: ${findings.length + more} ${findings.length + more === 1 ? 'defect was' : 'defects were'} found.`,
    ...(findings.length > 0
      ? ['', 'Defects:', ...list(findings.map(({ text, defect }) => `${text} [${defect}]`))]
      : []),
    ...(more > 0 ? [`  - and ${more} more.`] : []),
    ...(proved.length > 0 ? ['', 'Proved:', ...list(proved)] : []),
    ...(remarks.length > 0 ? ['', 'To know:', ...list(remarks)] : []),
    '',
    'Not proved:',
    ...list([...unproved, ...LIMITS]),
  ];
}
