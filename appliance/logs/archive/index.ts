export { ArchiveError } from '../record/error.ts';
export type { FrameInfo } from '../record/frame.ts';
export { type Archive, openArchive } from './archive.ts';
export type { KeptCheckpoint, SegmentInfo, Source, Timestamp } from './catalog.ts';
