export { TelemetryCollector } from './collect.ts';
export { Reporter } from './reporter.ts';
