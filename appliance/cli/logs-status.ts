import type { BoxStatus, NamedSource } from '../logs/index.ts';
import type { Command } from './command.ts';
import { importLogs, type LogsModule, openPlace, sizeText } from './logs.ts';

/** Senders that are listed; --json has all. */
const MAX_SOURCES = 20;

export const statusCommand: Command = {
  name: 'logs status',
  usage: '[--json]',
  summary: 'print keys, size, age and senders of the sealed log, and what is wrong with its files',
  options: { json: { type: 'boolean' } },
  takes: [0, 0],
  async run({ flags }, terminal) {
    const logs = await importLogs();
    const { config, folder, secrets, memory, remarks } = openPlace(terminal, logs);
    const status = logs.readStatus({
      folder,
      secrets,
      witnesses: config.logs.witnesses.map(({ key }) => key),
      remembered: memory.anchor?.size,
    });
    const sources = logs.nameSources(status.sources, memory);
    const remembered = memory.anchor && { size: memory.anchor.size, at: memory.anchor.at };
    if (flags.json)
      terminal.out(JSON.stringify({ ...viewOf(status, sources, logs), remembered: remembered ?? null, remarks }));
    else for (const line of linesOf(status, sources, remembered, logs)) terminal.out(line);
    for (const text of remarks) terminal.err(text);
  },
};

function diskText({ diskBytes, disk }: BoxStatus): string {
  const own = sizeText(diskBytes);
  if (!disk) return own;
  const { freeBytes, enoughBytes } = disk;
  const free = `${own}; ${sizeText(freeBytes)} are free`;
  return freeBytes < enoughBytes ? `${free}: FULL, syslog is taken once ${sizeText(enoughBytes)} are free` : free;
}

type Remembered = { size: number; at: string } | undefined;

/** Under the names that the API has. */
const viewOf = (status: BoxStatus, sources: readonly NamedSource[], { rfc3339 }: LogsModule) => {
  const { identity, epoch, checkpoint, oldest, timestamp } = status;
  return {
    state: status.state,
    problems: status.problems,
    origin: identity?.origin ?? null,
    log_key: identity?.logKey ?? null,
    first_epoch_key: identity?.firstEpochKey ?? null,
    epoch: epoch ? { number: epoch.number, key: epoch.key, since: rfc3339(epoch.sinceUs) } : null,
    size: checkpoint?.size ?? 0,
    root: checkpoint ? Buffer.from(checkpoint.root).toString('base64') : null,
    checkpoint_at: checkpoint ? rfc3339(checkpoint.atUs) : null,
    cosignatures: (checkpoint?.cosignatures ?? []).map(({ name, atUs, genuine }) => ({
      name,
      at: rfc3339(atUs),
      genuine: genuine ?? null,
    })),
    timestamp: timestamp ? { size: timestamp.size, at: rfc3339(timestamp.atUs) } : null,
    segments: status.segments.count,
    closed_segments: status.segments.closed,
    disk_bytes: status.diskBytes,
    disk_free_bytes: status.disk?.freeBytes ?? null,
    disk_full: status.disk ? status.disk.freeBytes < status.disk.enoughBytes : null,
    oldest: oldest ? { index: oldest.index, received: rfc3339(oldest.receivedUs) } : null,
    sources: sources.map(({ id, address, name, firstSeenUs }) => ({
      id,
      address,
      name,
      first_seen: rfc3339(firstSeenUs),
    })),
  };
};

function linesOf(
  status: BoxStatus,
  sources: readonly NamedSource[],
  remembered: Remembered,
  { rfc3339 }: LogsModule,
): string[] {
  const { identity, epoch, checkpoint, oldest, timestamp, segments } = status;
  const rows: [string, string][] = [
    ['Log', identity?.origin ?? 'unknown'],
    ['State', STATES[status.state]],
    ...status.problems.map((text): [string, string] => ['Problem', text]),
    ['Log key', identity?.logKey ?? 'unknown'],
    ['First epoch key', identity?.firstEpochKey ?? 'unknown'],
    ['Epoch', epoch ? `${epoch.number}, since ${rfc3339(epoch.sinceUs)}: ${epoch.key}` : 'unknown'],
    ['Records', `${checkpoint?.size ?? 0}`],
  ];
  if (checkpoint) {
    rows.push(['Checkpoint', `${rfc3339(checkpoint.atUs)}, ${agoOf(checkpoint.atUs)}`]);
    for (const { name, atUs, genuine } of checkpoint.cosignatures) {
      rows.push(['Cosigned', `by ${name}, ${rfc3339(atUs)}${GENUINE[`${genuine}`]}`]);
    }
    if (checkpoint.cosignatures.length === 0) rows.push(['Cosigned', 'by no witness']);
  }
  if (timestamp) rows.push(['Time-stamp', `of ${timestamp.size} records, ${rfc3339(timestamp.atUs)}`]);
  if (remembered) rows.push(['Database', `remembers ${remembered.size} records of ${remembered.at}`]);
  if (oldest) rows.push(['Oldest record', `${oldest.index}, received ${rfc3339(oldest.receivedUs)}`]);
  rows.push(['Segments', `${segments.count}, ${segments.closed} of them closed`]);
  rows.push(['Disk', diskText(status)]);
  rows.push(['Sources', `${sources.length}`]);
  for (const { id, address, name, firstSeenUs } of sources.slice(0, MAX_SOURCES)) {
    const also = name === address || address === '' ? '' : ` (${address})`;
    rows.push(['', `${id}  ${name}${also}, since ${rfc3339(firstSeenUs)}`]);
  }
  if (sources.length > MAX_SOURCES) rows.push(['', `and ${sources.length - MAX_SOURCES} more: --json lists them`]);
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`);
}

const STATES: Record<BoxStatus['state'], string> = {
  begun: 'begun, nothing is sealed yet',
  sealed: "sealed, as far as its files tell ('logs verify' reads the records)",
  damaged: 'DAMAGED',
};

const GENUINE: Record<string, string> = {
  true: '',
  false: ' (the signature is WRONG)',
  undefined: ' (not checked: its key is not in the settings)',
};

function agoOf(us: number): string {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - us / 1e6));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} days ago`;
}
