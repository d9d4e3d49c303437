/** What no signature can prove; said with every result. */
export const LIMITS = [
  'That what a device sent was true, or that it sent all it had to say: the log proves what was received, and when.',
  'How the appliance read a message (its fields, the columns of the table behind “flags”, report.pdf): what counts is the message itself.',
  'Anything, if the keys aren’t those that were noted when the log was set up: compare them.',
];

/** The report as people read it. @param {import('./core.mjs').Report} report @returns {string[]} */
export function inWords({ ok, findings, proved, remarks, unproved, more }) {
  const list = (/** @type {string[]} */ items) => items.map((item) => `  - ${item}`);
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
