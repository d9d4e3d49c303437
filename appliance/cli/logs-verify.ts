import path from 'node:path';
import { readCertificates } from '../config/index.ts';
import type { Finding, Verified } from '../logs/index.ts';
import { type Command, CommandError, type Terminal, UsageError } from './command.ts';
import { importLogs, keysOf, type LogPlace, type LogsModule, openPlace, progressOn, timeOf } from './logs.ts';

const NO_KEYS =
  'The keys are those in the folder: with --key and those noted when the log was set up it is also proved to be the same log.';

export const verifyCommand: Command = {
  name: 'logs verify',
  usage:
    '[--from <time or record>] [--to <time or record>] [--key <vkey>]... [--witness <vkey>]... [--tsa-ca <file>] [--json]',
  summary: 'read the sealed log and prove that it is as it was sealed, also while the appliance runs',
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    key: { type: 'string', multiple: true },
    witness: { type: 'string', multiple: true },
    'tsa-ca': { type: 'string' },
    json: { type: 'boolean' },
  },
  takes: [0, 0],
  async run({ flags }, terminal) {
    const logs = await importLogs();
    const stretch = stretchOf(flags, logs);
    const keys = keysOf('--key', flags.key, logs.noteVerifier);
    const witnesses = keysOf('--witness', flags.witness, logs.cosignatureVerifier);
    const given = authoritiesOf(flags['tsa-ca'] as string | undefined, terminal);
    const place = openPlace(terminal, logs);
    const { folder, secrets } = place;
    const known = place.config.logs.witnesses.map(({ key }) => key);
    terminal.err(`Verifying the log in ${folder}.`);
    const verified = await verify(place, logs, {
      ...stretch,
      ...(keys.length > 0 && { keys }),
      witnessVkeys: [...new Set([...witnesses, ...known])],
      authorities: given ?? place.config.logs.tsaCa,
      onProgress: progressOn(terminal, 'Verified'),
    });
    const { findings, size } = verified;
    const origin = logs.readStatus({ folder, secrets, witnesses: [] }).identity?.origin;
    const last = Math.max(stretch.from ?? 0, (stretch.to ?? 1) - 1);
    if (findings.length === 0 && last > 0 && last >= size) {
      throw new UsageError(`there is no record ${last}: the log has ${size}, the first is 0`);
    }
    if (findings.length === 0 && size > 0 && verified.within === 0) {
      throw new UsageError('there is no record of that time or those numbers, so nothing of them was verified');
    }
    const { anchor } = place.memory;
    if (anchor && findings.length === 0) {
      verified.proved.push(`All ${anchor.size} records that the database remembers of ${anchor.at} are there.`);
    }
    verified.remarks.push(...place.remarks, ...(keys.length > 0 ? [] : [NO_KEYS]));
    if (flags.json) terminal.out(JSON.stringify({ ok: findings.length === 0, origin: origin ?? null, ...verified }));
    else tell(terminal, origin ?? 'The log', verified);
    if (findings.length > 0) {
      throw new CommandError(`The log is not as it was sealed: ${countOf(findings)} in ${folder}.`);
    }
  },
};

/** The certificates of a file. Throws UsageError. */
function authoritiesOf(name: string | undefined, { cwd }: Terminal): string[] | undefined {
  if (name === undefined) return undefined;
  try {
    return readCertificates(path.resolve(cwd, name));
  } catch (error) {
    throw new UsageError(`--tsa-ca ${name}: ${(error as Error).message}`);
  }
}

type Options = Parameters<LogsModule['verifyArchive']>[0];

/** A log that cannot be opened is a finding too. */
async function verify(
  { folder, secrets, memory }: LogPlace,
  { verifyArchive }: LogsModule,
  options: Omit<Options, 'folder' | 'secrets'>,
): Promise<Verified> {
  try {
    return await verifyArchive({ ...options, folder, secrets, atLeast: memory.anchor });
  } catch (error) {
    const { name, message, index } = error as Error & { index?: number };
    if (name !== 'ArchiveError') throw error;
    const finding = { ...(index !== undefined && { index }), defect: 'damaged', text: `${message}.` };
    return { size: 0, records: 0, within: 0, findings: [finding], proved: [], remarks: [] };
  }
}

/** From and to, both with what is named itself. */
function stretchOf(flags: Record<string, unknown>, logs: LogsModule) {
  const [first, last] = [flags.from, flags.to].map((value) => {
    if (value === undefined) return undefined;
    const text = value as string;
    const option = value === flags.from ? '--from' : '--to';
    if (!/^\d+$/.test(text)) return { us: timeOf(option, text, logs) };
    const index = Number(text);
    if (!Number.isSafeInteger(index)) throw new UsageError(`${option} ${text}: no log has so many records`);
    return { index };
  });
  const { us: fromUs, index: from } = first ?? {};
  const { us: toUs, index: to } = last ?? {};
  if ((fromUs ?? 0) > (toUs ?? fromUs ?? 0) || (from ?? 0) > (to ?? from ?? 0)) {
    throw new UsageError('--from is later than --to: swap them');
  }
  return {
    ...{ fromUs, from },
    ...(toUs !== undefined && { toUs: toUs + 1 }),
    ...(to !== undefined && { to: to + 1 }),
  };
}

function tell({ out }: Terminal, name: string, { findings, proved, remarks }: Verified): void {
  out(findings.length === 0 ? `${name} is as it was sealed:` : `${name} is NOT as it was sealed:`);
  for (const finding of findings) out(`  - ${placeOf(finding)}, ${finding.defect}: ${finding.text}`);
  for (const text of proved) out(`  - ${text}`);
  for (const text of remarks) out(`Note: ${text}`);
}

function placeOf({ index, last }: Finding): string {
  if (index === undefined) return 'the log';
  return last === undefined || last === index ? `record ${index}` : `records ${index} to ${last}`;
}

const countOf = ({ length }: readonly Finding[]): string => (length === 1 ? '1 defect' : `${length} defects`);
