import { timeOf } from './format.ts';
import type { Past } from './past.ts';
import type { ExportOptions } from './types.ts';

/** What somebody reads first who gets an export. */
export const readme = (
  past: Past,
  { fromUs, toUs, by, atUs, case: number }: ExportOptions,
): string => `Export of a sealed log

Log:      ${past.origin}
${number === undefined ? '' : `Case:     ${number}\n`}Received: from ${timeOf(fromUs)} to before ${timeOf(toUs)}
Made:     ${timeOf(atUs)} by ${by}

To verify
  In a browser: open verify.html (it works offline, nothing is sent) and choose the ZIP or this folder.
  With Node 18 or later: node verify.mjs
  Both say what is proved; node verify.mjs ends with 0 when all is genuine, else with 1, and names the record and what is
  wrong with it. Both take the keys from this export unless they are given: compare them with those noted when the log was
  set up, or run  node verify.mjs --key <log key> --key <first epoch key> --witness <key of a witness>
  If you don't trust the verifier that came with an export, take the one of another export, or of the program itself.

Files
  report.pdf       for people: what this is, and the first records
  records.csv      the records as a table; cells that would be formulas begin with '
  records.jsonl    the records, one JSON object a line: what was received (raw, or raw_base64 where it isn't UTF-8), from
                   whom (peer), the salt and the leaf, what the leaf says in words, and how the message was read (fields)
  proofs/          that each record is in the log (c2sp.org/tlog-proof): a file each, or, if there are more than 256,
                   records.txt: "index", and the hashes of the path from the bottom up to where it is the path of the
                   record before. One of them as a tlog-proof: node verify.mjs --proof <index>
  bounds.jsonl     the leaves before and after a whole export, which prove where it begins and ends; they reveal nothing
  access.jsonl     searches and exports of the log since, as they were sealed in it
  erasures.jsonl   records of the log about erased payloads
  checkpoint       what the log was when the export was made (c2sp.org/tlog-checkpoint)
  checkpoints/     what it was earlier, and the proofs that each is the beginning of the log as it is now (RFC 6962)
  timestamps/      time-stamps of checkpoints (RFC 3161)
  keys.json        the keys;  epochs.txt: each day's key, signed by that of the day before, which was destroyed then
  manifest.json    what was asked for, and the SHA-256 of all files

A leaf is 58 bytes, big-endian: u8 version | u8 kind | u64 time of receipt, ns | u32 boot | u64 monotonic clock, µs |
u16 source | u8 transport | u8 flags (1 truncated, 2 clock unsynchronised, 4 sender authenticated) | commitment, which is
SHA-256("gatehouse/log/v1\\0" | salt, 16 bytes | u8 length of peer | peer | message). Tree: RFC 6962 with SHA-256.
`;
