export { LatencyMeter } from './meter.ts';
export { latencyTarget } from './target.ts';
