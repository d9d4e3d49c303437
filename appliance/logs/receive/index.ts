export {
  type DropReason,
  type FromSeal,
  OTHERS,
  type ReceiverStats,
  type SyslogTls,
  type ToSeal,
} from './messages.ts';
export { type Receiver, type ReceiverOptions, startReceiver } from './start.ts';
