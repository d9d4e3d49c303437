import PDFDocument from 'pdfkit';

/** What the report says; made of the export's manifest and of what was counted. */
export interface ReportContent {
  origin: string;
  case?: string;
  by: string;
  madeAt: string;
  from: string;
  to: string;
  selection?: string;
  count: number;
  first?: number;
  last?: number;
  erased: number;
  bySource: [name: string, count: number][];
  size: number;
  root: string;
  keys: [name: string, vkey: string][];
  witnesses: string[];
  timestamps: string[];
  files: [name: string, sha256: string][];
  /** The first records. */
  records: { index: number; received: string; source: string; message: string }[];
}

const MARGIN = 50;
const MAX_MESSAGE = 180;
const MAX_SOURCES = 30;

/** What the PDF's own fonts can show; the rest is written out. */
export const latin = (text: string): string =>
  text.replace(/[^\x20-\x7e\xa0-\xff]/gu, (c) =>
    /[\u2018\u2019]/.test(c) ? "'" : `\\u{${c.codePointAt(0)!.toString(16)}}`,
  );

/** A few pages for people: what the export is about, what it proves and how to check it. */
export async function reportPdf(content: ReportContent): Promise<Uint8Array> {
  const date = new Date(content.madeAt);
  const info = { Title: 'Export of the sealed log', Creator: 'Gatehouse', CreationDate: date, ModDate: date };
  const pdf = new PDFDocument({ size: 'A4', margin: MARGIN, info, lang: 'en', displayTitle: true, pdfVersion: '1.7' });
  const chunks: Uint8Array[] = [];
  const finished = new Promise<void>((resolve, reject) => {
    pdf.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    pdf.on('end', () => resolve());
    pdf.on('error', reject);
  });
  const heading = (text: string): void => {
    pdf.moveDown(0.8).font('Helvetica-Bold').fontSize(12).text(latin(text)).moveDown(0.2);
  };
  const line = (name: string, value: string): void => {
    pdf
      .font('Helvetica-Bold')
      .fontSize(9)
      .text(`${latin(name)}: `, { continued: true });
    pdf.font('Helvetica').text(latin(value));
  };
  const mono = (text: string): void => {
    pdf.font('Courier').fontSize(7).text(latin(text));
  };
  const items = (texts: string[]): void => {
    pdf.font('Helvetica').fontSize(9);
    for (const text of texts) pdf.text(latin(`- ${text}`), { indent: 8 });
  };

  pdf.font('Helvetica-Bold').fontSize(18).text('Export of the sealed log').moveDown(0.4);
  if (content.case) line('Case', content.case);
  line('Made by', content.by);
  line('Made on', content.madeAt);
  line('Log', content.origin);
  line('Received', `from ${content.from} to before ${content.to} (UTC)`);
  line('Selection', content.selection ?? 'none: all records of that time');
  const range = content.first === undefined ? '' : ` (leaves ${content.first} to ${content.last})`;
  line(
    'Records',
    `${content.count}${range}${content.erased > 0 ? `, of which ${content.erased} with an erased payload` : ''}`,
  );

  heading('Records by source');
  items(content.bySource.slice(0, MAX_SOURCES).map(([name, count]) => `${name}: ${count}`));
  if (content.bySource.length > MAX_SOURCES) items([`and ${content.bySource.length - MAX_SOURCES} more sources`]);

  heading('The log');
  line('Checkpoint', `${content.size} records, root ${content.root}`);
  for (const [name, vkey] of content.keys) {
    line(name, '');
    mono(vkey);
  }
  items(content.witnesses.length > 0 ? content.witnesses : ['No witness has cosigned a checkpoint in this export.']);
  items(content.timestamps.length > 0 ? content.timestamps : ['There is no time-stamp (RFC 3161) in this export.']);

  heading('What it proves');
  items([
    'Each record is what was received and sealed: message, sender, time of receipt and order, bit for bit.',
    'Nothing was changed, deleted, put in or moved in the log since, back to the last checkpoint seen by others.',
    'Who made searches and exports of the log since (access.jsonl) is a part of the log itself.',
  ]);
  heading('What it does not prove');
  items([
    'That what a device sent was true, or that it sent all it had to say.',
    'How a message was read (fields, table): what counts is the message itself.',
    'Anything, if the keys above are not those that were noted when the log was set up.',
  ]);
  heading('How to verify');
  items([
    'With a browser: open verify.html (offline) and choose the ZIP.',
    'With Node 18 or later: unpack the ZIP and run: node verify.mjs',
    'Give the keys noted at commissioning with --key, and compare the SHA-256 of manifest.json that it prints.',
  ]);
  heading('SHA-256 of the files');
  for (const [name, sha256] of content.files) mono(`${sha256}  ${name}`);

  if (content.records.length > 0) {
    pdf.addPage();
    heading(content.records.length < content.count ? `The first ${content.records.length} records` : 'The records');
    for (const { index, received, source, message } of content.records) {
      const cut = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)} ...` : message;
      pdf
        .font('Courier-Bold')
        .fontSize(7)
        .text(latin(`${index}  ${received}  ${source}`));
      pdf.font('Courier').text(latin(cut)).moveDown(0.3);
    }
  }
  pdf.end();
  await finished;
  return Buffer.concat(chunks);
}
