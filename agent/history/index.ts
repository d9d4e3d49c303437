export { type Carrying, Sessions, SessionsFile } from './sessions.ts';
export { type Bytes, TrafficMeter } from './traffic.ts';
