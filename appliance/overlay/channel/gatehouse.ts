import { AgentMessage, CLOSE, type ControllerMessage } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { compile } from '../compile.ts';
import { isSeenEndpoint } from '../endpoint.ts';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';
import type { Connection, Device, RawData, WebSocket } from './connections.ts';
import type { ChannelContext } from './index.ts';
import { advance, createStream, type Stream, since } from './stream.ts';

const isAgentMessage = Compile(AgentMessage);
type PostureMessage = Extract<AgentMessage, { type: 'posture' }>;
/** An agent says `hello` within this time, and acknowledges what it was sent. */
const HELLO_MS = 10_000;
const ACK_MS = 60_000;

/** `hello`s of one connection within a minute: one begins it, and one asks anew after each gap. Each costs a whole state. */
const MAX_HELLOS = 30;
const MINUTE_MS = 60_000;

/** Reads one frame as JSON; undefined when it is none. U+0000 is refused: PostgreSQL can't keep it in text. */
export function parseFrame(data: RawData, isBinary: boolean): unknown {
  if (isBinary) return undefined;
  const text = String(data);
  if (text.includes('\\u0000')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Speaks `gatehouse.v1` (protocol/channel.ts) with one of our agents. */
export function serveGatehouse(context: ChannelContext, socket: WebSocket, device: Device): void {
  const { peerId } = device;
  const accepts = context.posture ? { accepts: ['posture'] } : {};
  const tellPosture = postureTeller(context, device);
  let stream: Stream | undefined;
  let helloTimer: NodeJS.Timeout | undefined = setTimeout(() => socket.close(CLOSE.badMessage, 'no hello'), HELLO_MS);
  let ackTimer: NodeJS.Timeout | undefined;
  let hellos = { since: performance.now(), count: 0 };

  const send = (message: ControllerMessage): void => {
    socket.send(JSON.stringify(message));
    // There is nothing in `resumed` for the agent to apply and acknowledge.
    if (message.type === 'resumed') return;
    ackTimer ??= setTimeout(() => socket.close(CLOSE.slow, 'nothing was acknowledged'), ACK_MS);
  };
  const isOpen = () => socket.readyState === socket.OPEN;
  const connection: Connection = {
    device,
    socket,
    update(network, peer) {
      // The stream goes on in the connection that took over: a delta that is made here would be lost to it.
      if (!stream || !isOpen()) return;
      const entry = advance(stream, compileFor(context, network, peer));
      if (entry) send({ type: 'delta', epoch: stream.epoch, ...entry });
    },
  };
  for (const other of context.connections.of(peerId))
    other.socket.close(CLOSE.replaced, 'a newer connection took over');
  context.connections.add(connection);

  async function hello(resume: { epoch: string; seq: number } | undefined): Promise<void> {
    clearTimeout(helloTimer);
    helloTimer = undefined;
    // Between the check of the credential and now it may have been revoked, with nobody here to be told.
    const place = await context.placeOf(device);
    if (!isOpen()) return;
    if (!place) return socket.close(CLOSE.revoked, 'the credential is no longer good');
    const state = compileFor(context, place.network, place.peer);
    stream = context.streams.get(peerId);
    if (stream) {
      advance(stream, state);
    } else {
      stream = createStream(state);
      context.streams.set(peerId, stream);
    }
    const missed = resume && since(stream, resume);
    if (missed && resume) {
      send({ type: 'resumed', epoch: stream.epoch, seq: resume.seq, ...accepts });
      for (const entry of missed) send({ type: 'delta', epoch: stream.epoch, ...entry });
    } else {
      send({ type: 'state', epoch: stream.epoch, seq: stream.seq, state: stream.state, ...accepts });
    }
  }

  socket.on('message', (data: RawData, isBinary: boolean) => {
    // What was on its way when the connection was closed (revoked, replaced) no longer counts.
    if (!isOpen()) return;
    const message = parseFrame(data, isBinary);
    if (!isAgentMessage.Check(message)) return socket.close(CLOSE.badMessage, 'not a gatehouse.v1 message');
    if (message.type === 'hello') {
      const now = performance.now();
      if (now - hellos.since >= MINUTE_MS) hellos = { since: now, count: 0 };
      hellos.count += 1;
      if (hellos.count > MAX_HELLOS) return socket.close(CLOSE.slow, `more than ${MAX_HELLOS} hellos in a minute`);
      hello(message.resume).catch((error) => {
        context.log.error({ err: error, peerId }, 'an agent could not be told its state');
        socket.close(1011, 'internal error');
      });
    } else if (message.type === 'ack') {
      if (message.epoch !== stream?.epoch) return;
      clearTimeout(ackTimer);
      ackTimer = undefined;
      if (message.seq < stream.seq) {
        ackTimer = setTimeout(() => socket.close(CLOSE.slow, 'nothing was acknowledged'), ACK_MS);
      }
    } else if (message.type === 'posture') {
      tellPosture(message);
    } else {
      const { telemetry } = message;
      context.report(device, {
        hostname: telemetry.hostname,
        systemUptime: telemetry.systemUptime,
        wireguardUptime: telemetry.wireguardUptime,
        telemetry: JSON.stringify({ ...telemetry, peers: telemetry.peers.slice(0, 100) }),
        endpoints: telemetry.peers.flatMap(({ publicKey, endpoint }) =>
          endpoint && isSeenEndpoint(endpoint) ? [[publicKey, endpoint] as const] : [],
        ),
      });
    }
  });
  socket.on('close', () => {
    clearTimeout(helloTimer);
    clearTimeout(ackTimer);
  });
}

/** Passes reports on one at a time: of those that come meanwhile the last counts, so a device can't pile them up. */
function postureTeller({ posture, log }: ChannelContext, device: Device): (report: PostureMessage) => void {
  let busy = false;
  let waiting: PostureMessage | undefined;
  return async function tell(report) {
    if (!posture) return;
    if (busy) {
      waiting = report;
      return;
    }
    busy = true;
    try {
      await posture(device, report);
    } catch (error) {
      log.error({ err: error, peerId: device.peerId }, 'a posture could not be taken in');
    }
    busy = false;
    const next = waiting;
    waiting = undefined;
    if (next) tell(next);
  };
}

function compileFor(context: ChannelContext, network: NetworkSnapshot, peer: SnapshotPeer) {
  context.stats.compiled += 1;
  return compile(network, peer);
}
