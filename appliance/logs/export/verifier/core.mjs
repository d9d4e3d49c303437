import { collect, equal, hex, readable, textOf, toBase64, whole } from './bytes.mjs';
import { checkCheckpoint, followKeys, splitStatements } from './chain.mjs';
import { checkContents } from './contents.mjs';
import { checkKept, checkStamp, checkStates } from './kept.mjs';
import { COSIGNATURE, ED25519, parseCheckpoint, parseNote, parseVkey } from './note.mjs';

/** @typedef {import('./chain.mjs').Finding} Finding */
/** @typedef {import('./proofs.mjs').Folder} Folder */
/**
 * @typedef {{
 *   sha256: import('./tree.mjs').Sha256,
 *   createSha256: () => { update(bytes: Uint8Array): unknown, digest(): Uint8Array },
 *   ed25519: import('./note.mjs').Ed25519,
 * } & import('./timestamp.mjs').CmsPrimitives} Crypto
 */
/** What the reader knows of the log from elsewhere: noted keys, and a checkpoint seen before. @typedef {{ keys?: string[], witnesses?: string[], checkpoint?: string }} Known */
/** @typedef {{ ok: boolean, findings: Finding[], proved: string[], remarks: string[], unproved: string[], more: number }} Report */

const FORMAT = 'gatehouse/export/v1';
/** Of one kind that are told; the others are counted. */
const MAX_FINDINGS = 20;
/** Files of an export that a manifest cannot list: it would have to hold its own hash. */
const MANIFEST = 'manifest.json';
const REPORT = 'report.pdf';
/** Files that don't belong to it which are named. */
const MAX_NAMES = 20;

/**
 * Verifies an unpacked export. It takes nothing for granted but the keys it is given in `known`; without them it takes
 * those in the export and says so.
 * @param {Folder} folder @param {Crypto} crypto @param {Known} [known] @param {(done: number) => void} [progress]
 * @returns {Promise<Report>}
 */
export async function verifyExport(folder, crypto, known = {}, progress = () => undefined) {
  const { sha256 } = crypto;
  /** @type {Report} */
  const report = { ok: true, findings: [], proved: [], remarks: [], unproved: [], more: 0 };
  const { proved, remarks, unproved } = report;
  const fault = (/** @type {Finding} */ finding) => {
    report.ok = false;
    const same = report.findings.filter(({ defect }) => defect === finding.defect).length;
    if (same < MAX_FINDINGS) report.findings.push(finding);
    else report.more++;
  };
  const has = (/** @type {string} */ name) => folder.names.includes(name);
  const small = async (/** @type {string} */ name) => (has(name) ? collect(folder.stream(name)) : undefined);
  const text = async (/** @type {string} */ name) => {
    const bytes = await small(name);
    try {
      return bytes && textOf(bytes);
    } catch {
      throw new Error(`${name} isn’t UTF-8`);
    }
  };
  const missing = (/** @type {string} */ name) =>
    fault({ defect: 'missing', text: `${name} is missing or cannot be read.` });
  const json = async (/** @type {string} */ name) => {
    try {
      const value = JSON.parse((await text(name)) ?? '');
      if (value && typeof value === 'object') return value;
    } catch {
      // Told below.
    }
    missing(name);
    return undefined;
  };

  const manifest = await json(MANIFEST);
  const keys = await json('keys.json');
  const latestText = await text('checkpoint');
  if (latestText === undefined) missing('checkpoint');
  if (!manifest || !keys || latestText === undefined) return report;
  if (manifest.format !== FORMAT)
    fault({ defect: 'format', text: `This verifier reads ${FORMAT}, not ${manifest.format}.` });
  const origin = String(keys.origin);

  // Whose log it is.
  const logKey = parseVkey(sha256, keys.log);
  if (logKey?.name !== origin || logKey.algorithm !== ED25519) {
    fault({ defect: 'key', text: 'The log key in keys.json isn’t one of this log.' });
    return report;
  }
  const { epochs, findings: chainFindings } = await followKeys(
    crypto,
    origin,
    logKey,
    splitStatements((await text('epochs.txt')) ?? ''),
  );
  for (const finding of chainFindings) fault(finding);
  pinKeys();
  const witnesses = witnessKeys();

  // What the log is.
  const latest = await checkCheckpoint(crypto, origin, logKey, epochs, latestText, 'The checkpoint');
  for (const finding of latest.findings) fault(finding);
  if (!latest.checkpoint) return report;
  const { size, root } = latest.checkpoint;
  if (manifest.size !== size) {
    fault({
      defect: 'checkpoint',
      text: `The export was made for a log of ${manifest.size} records, and its checkpoint has ${size}: an old checkpoint was put in place of a newer, or a new one.`,
    });
  }
  if (latest.findings.length === 0) {
    proved.push(
      `The checkpoint of ${origin} with ${size} records (root ${toBase64(root)}) is signed by the log key and by the key of epoch ${latest.epoch?.number}.`,
    );
  }
  if (epochs.length > 0 && chainFindings.length === 0) {
    const last = epochs[epochs.length - 1];
    proved.push(
      epochs.length === 1
        ? `The first epoch key, made on ${readable(last.seconds * 1e6)}, is in use still.`
        : `The keys follow one another without a break: ${epochs.length}, the first made on ${readable(epochs[0].seconds * 1e6)}, the newest on ${readable(last.seconds * 1e6)}, each named by the one before.`,
    );
  }

  // What it was before.
  const anchors = await checkPast();

  await checkContents({
    folder,
    manifest,
    checkpoint: { size, root, text: latestText },
    anchors,
    sha256,
    fault,
    report,
    progress,
  });
  await checkFiles();
  if (anchors.length === 0)
    remarks.push(
      'No witness and no time-stamp authority has confirmed a time: when the records were received rests on the appliance’s own clock.',
    );
  progress(1);
  return report;

  function pinKeys() {
    const first = epochs[0]?.key;
    const firstText = first ? `${first.name}+${first.id}+${toBase64(new Uint8Array([ED25519, ...first.key]))}` : '';
    for (const noted of known.keys ?? []) {
      const key = parseVkey(sha256, noted);
      const own = key?.name === origin ? logKey : key?.name === first?.name ? first : undefined;
      if (!key) fault({ defect: 'key', text: `“${noted}” is no verifier key: it has the form name+id+key.` });
      else if (!own || !equal(own.key, key.key))
        fault({
          defect: 'key',
          text: `This isn’t the log whose key was noted: ${noted} isn’t the ${own === first && first ? 'first epoch key' : 'log key'} of this export.`,
        });
      else proved.push(`The ${own === logKey ? 'log key' : 'first epoch key'} is the one that was noted.`);
    }
    const pinned = (/** @type {import('./note.mjs').Vkey | undefined} */ own) =>
      (known.keys ?? []).some((noted) => equal(parseVkey(sha256, noted)?.key, own?.key));
    if (pinned(logKey) && pinned(first)) return;
    remarks.push(
      `The keys are taken from this export itself. Compare them with those noted at commissioning, or give them with --key: log key ${keys.log} (SHA-256 ${fingerprint(logKey.key)}), first epoch key ${firstText} (SHA-256 ${fingerprint(first?.key ?? new Uint8Array(0))}).`,
    );
  }

  function witnessKeys() {
    const given = (known.witnesses ?? []).map((noted) => {
      const key = parseVkey(sha256, noted);
      if (key?.algorithm !== COSIGNATURE) fault({ defect: 'key', text: `“${noted}” is no verifier key of a witness.` });
      return key;
    });
    const found = Array.isArray(keys.witnesses)
      ? keys.witnesses.map((/** @type {unknown} */ one) => parseVkey(sha256, one))
      : [];
    if (given.length === 0 && found.length > 0)
      remarks.push(
        'The witnesses’ keys are taken from this export itself: compare them with those that the witnesses publish, or give them with --witness.',
      );
    return (given.length > 0 ? given : found).filter((key) => key?.algorithm === COSIGNATURE);
  }

  async function checkPast() {
    const names = folder.names.filter((name) => /^checkpoints\/\d+$/.test(name));
    /** @type {import('./kept.mjs').Kept[]} */
    const states = epochs.map((epoch) => ({ size: epoch.size, root: epoch.root }));
    /** @type {Map<number, string>} */
    const notes = new Map([[size, latestText]]);
    const seen = (await checkKept(crypto, origin, logKey, epochs, witnesses, latestText)).seen;
    for (const name of names) {
      const note = (await text(name)) ?? '';
      const kept = await checkKept(crypto, origin, logKey, epochs, witnesses, note);
      for (const finding of kept.findings) fault(finding);
      if (!kept.checkpoint || kept.findings.length > 0) continue;
      states.push({ size: kept.checkpoint.size, root: kept.checkpoint.root });
      if (kept.checkpoint.size !== size) notes.set(kept.checkpoint.size, note);
      seen.push(...kept.seen);
    }
    if (known.checkpoint !== undefined) {
      const noted = parseCheckpoint(parseNote(known.checkpoint)?.body ?? '');
      if (!noted || noted.origin !== origin)
        fault({ defect: 'checkpoint', text: 'The checkpoint that was noted isn’t one of this log.' });
      else states.push({ size: noted.size, root: noted.root });
    }
    const proofFor = async (/** @type {number} */ at) => {
      const rows = (await text(`checkpoints/${at}.consistency`))?.split('\n');
      return rows?.[0] === `old ${at}` && rows.at(-1) === '' ? rows.slice(1, -1) : undefined;
    };
    const { good, findings } = await checkStates(sha256, latest.checkpoint, states, proofFor);
    for (const finding of findings) fault(finding);
    if (findings.length === 0) {
      proved.push(
        `Nothing was changed, deleted or put in since: ${good.length} earlier states of the log, among them the end of each epoch, are beginnings of this one.`,
      );
    }
    /** @type {import('./clock.mjs').Anchor[]} */
    const found = [];
    for (const witness of witnesses) {
      const own = seen.filter((one) => one.witness === witness && (one.size === size || good.includes(one.size)));
      found.push(...own);
      const newest = own.sort((a, b) => a.size - b.size).at(-1);
      if (newest)
        proved.push(
          `The witness ${witness.name} has seen this log with ${newest.size} records on ${readable(newest.us)}.`,
        );
      else if ((known.witnesses ?? []).includes(witness.text))
        fault({
          defect: 'cosignature',
          text: `No checkpoint in this export was cosigned by the witness ${witness.name}.`,
        });
      if (newest && newest.size < size)
        remarks.push(`Records from ${newest.size} on were not yet confirmed by the witness ${witness.name}.`);
    }
    for (const name of folder.names) {
      const at = whole(/^timestamps\/(\d+)\.tsr$/.exec(name)?.[1]);
      if (at === undefined) continue;
      const stamp = await checkStamp(crypto, at, (await small(name)) ?? new Uint8Array(0), notes.get(at));
      if (stamp.finding) fault(stamp.finding);
      if (!stamp.anchor || !stamp.proved) continue;
      proved.push(stamp.proved);
      remarks.push(`Whether that authority is to be trusted, openssl tells: ${stamp.command.replace('FILE', name)}`);
      found.push(stamp.anchor);
    }
    return found;
  }

  async function checkFiles() {
    const listed = manifest.files && typeof manifest.files === 'object' ? manifest.files : {};
    let wrong = 0;
    let reportHash = '';
    for (const [name, expected] of Object.entries(listed)) {
      const hash = crypto.createSha256();
      let bytes = 0;
      if (has(name)) {
        for await (const chunk of folder.stream(name)) {
          hash.update(chunk);
          bytes += chunk.length;
        }
      }
      const digest = hex(hash.digest());
      if (name === REPORT) reportHash = digest;
      if (has(name) && bytes === expected?.bytes && digest === expected?.sha256) continue;
      wrong++;
      fault({
        defect: 'file',
        text: has(name) ? `${name} isn’t the file that the manifest lists.` : `${name} is missing.`,
      });
    }
    const extra = folder.names.filter((name) => name !== MANIFEST && !Object.hasOwn(listed, name));
    const beside =
      extra.length === 0 ? '' : ` ${extra.length} more beside them ${extra.length === 1 ? 'isn’t' : 'aren’t'}.`;
    if (extra.length > 0) {
      const others = extra.length > MAX_NAMES ? ` and ${extra.length - MAX_NAMES} others` : '';
      remarks.push(`Not part of the export, and not verified: ${extra.slice(0, MAX_NAMES).join(', ')}${others}.`);
    }
    if (wrong === 0)
      proved.push(`All ${Object.keys(listed).length} files that the manifest lists are as it lists them.${beside}`);
    if (has(REPORT))
      unproved.push(
        `${REPORT} (SHA-256 ${reportHash || 'not in the manifest'}): it is not sealed. What it says counts only as far as records.jsonl and this result say the same; the same is true of README.txt.`,
      );
  }

  /** @param {Uint8Array} bytes */
  function fingerprint(bytes) {
    return hex(sha256(bytes)).replace(/(.{4})(?=.)/g, '$1 ');
  }
}
