export { postureChecks } from './checks.ts';
export { PostureCollector, type PostureReading } from './collect.ts';
