export * from './channel.ts';
export * from './enrollment.ts';
export * from './ipc.ts';
export { jsonEqual } from './json.ts';
export * from './paths.ts';
export * from './portal.ts';
export * from './state.ts';
export * from './status.ts';
export * from './telemetry.ts';
