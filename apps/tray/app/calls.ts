import { writeFile } from 'node:fs/promises';
import { predictEnroll } from '../core/index.ts';
import type { CallHandlers, CallName, Report } from '../core/ipc/table.ts';
import type { Controller } from './controller.ts';
import { codeOf } from './link.ts';
import { Problem } from './problem.ts';
import { makeReport } from './report.ts';
import { offerWords, Told } from './words.ts';

const LOG_LINES = 1000;
/** After these the invitation was not used up: the user may try again. */
const NOT_USED: readonly unknown[] = ['controller-unreachable', 'certificate', 'plain-http', 'no-privileges'];

/** What the window may ask, answered by the controller and its daemon. */
export function callHandlers(controller: Controller): CallHandlers {
  const { parts, enrollment } = controller;
  let shown: Report | null = null;

  const report = async (): Promise<Report> => {
    const snapshot = controller.snapshot();
    const { daemon } = controller;
    const [doctor, logs] = await Promise.all([
      daemon.call('doctor', {}).catch(() => null),
      daemon.call('logs', { lines: LOG_LINES }).catch(() => null),
    ]);
    const status = snapshot.link.kind === 'up' ? snapshot.link.status : null;
    const { system, who, log } = parts;
    shown = makeReport({ snapshot, system, status, doctor, logs, appLogs: log.lines(), who });
    return shown;
  };

  const offer = (text: string, from: 'paste' | 'qr'): null => {
    const refused = enrollment.offer(text, from);
    if (refused) throw new Told(offerWords(controller.locale, refused));
    controller.forgive();
    return null;
  };

  const handlers: CallHandlers = {
    ready: async () => controller.windowReady(),
    act: async (action) => {
      await controller.act(action);
      return null;
    },
    settings: async (patch) => {
      try {
        parts.settings.change(patch);
      } catch (error) {
        throw new Problem('settings-failed', { reason: (error as Error).message }, { cause: error });
      }
      if (patch.theme !== undefined) parts.desktop.setTheme(patch.theme);
      if (patch.launchAtLogin !== undefined) parts.desktop.setLaunchAtLogin(patch.launchAtLogin);
      controller.refresh();
      return null;
    },
    offer: async ({ text, from }) => offer(text, from),
    offerToken: async ({ url, token }) => offer(`${url.trim()} ${token.trim()}`, 'paste'),
    confirmEnroll: async ({ id, accept, allowPlain }) => {
      // A second click: the first one is under way, and keeps its prediction.
      if (enrollment.request(false)?.joining) throw new Problem('not-now');
      if (accept) await join(controller, id, allowPlain);
      else await controller.attempt('enroll', null, async () => enrollment.drop(id));
      // Joined or refused, what is left to see is the state; what failed is told beside the invitation.
      controller.showPage('home');
      return null;
    },
    traffic: async () => controller.daemon.call('traffic', {}),
    peers: async () => controller.daemon.call('peers', {}),
    directory: async ({ search }) => controller.daemon.call('directory', { search }),
    sessions: async () => controller.daemon.call('sessions', {}),
    posture: async ({ anew }) => controller.daemon.call('posture', { anew }),
    doctor: async () => controller.daemon.call('doctor', {}),
    logs: async () => controller.daemon.call('logs', { lines: LOG_LINES }),
    report,
    saveReport: async () => {
      const { text } = shown ?? (await report());
      const day = new Date(parts.clock.now()).toISOString().slice(0, 10);
      const file = await parts.desktop.chooseFile(`gatehouse-report-${day}.txt`);
      if (file === null) return null;
      try {
        await writeFile(file, text, { mode: 0o600 });
      } catch (error) {
        throw new Problem('save-failed', { reason: (error as Error).message }, { cause: error });
      }
      return file;
    },
    copy: async ({ text }) => {
      await parts.desktop.copy(text);
      return null;
    },
    clipboardImage: () => parts.desktop.clipboardImage(),
  };
  return inWords(handlers, (error) => controller.textOf(error));
}

/** Enrolls by the invitation that the user has seen. The token goes to the daemon, and is forgotten. */
async function join(controller: Controller, id: number, allowPlain: boolean): Promise<void> {
  const before = controller.snapshot();
  const adds = before.enroll?.adds ?? false;
  const prediction = predictEnroll(before);
  await controller.attempt('enroll', prediction, async () => {
    if (before.link.kind !== 'up') throw new Problem('no-daemon');
    const seen = { id, allowPlain, before: prediction?.before ?? [] };
    const { offer, putBack, done, arrived } = controller.enrollment.take(seen);
    const { url, token, plain, pin } = offer;
    try {
      const optional = {
        ...(plain && { allowHttp: true }),
        ...(adds && { add: true }),
        ...(pin !== undefined && { pin }),
      };
      await controller.daemon.call('enroll', { url, token, ...optional });
      done();
    } catch (error) {
      // It has joined, and could only not say so.
      if (arrived()) return;
      const code = codeOf(error);
      if (code === null || NOT_USED.includes(code)) putBack();
      else done();
      if (code === 'certificate' && pin !== undefined) throw new Problem('certificate-pinned', {}, { cause: error });
      // Whatever the daemon repeats of it must not get into messages and logs.
      if (error instanceof Error && error.message.includes(token)) error.message = error.message.replaceAll(token, '…');
      throw error;
    }
  });
}

/** Each failure as an Error whose message is for people, and nothing else of it. */
function inWords(handlers: CallHandlers, textOf: (error: unknown) => string): CallHandlers {
  const wrapped = Object.entries(handlers).map(([name, handler]) => {
    const call = handler as (argument: unknown) => Promise<unknown>;
    const answer = async (argument: unknown): Promise<unknown> => {
      try {
        return await call(argument);
      } catch (error) {
        throw new Told(textOf(error));
      }
    };
    return [name as CallName, answer];
  });
  return Object.fromEntries(wrapped) as CallHandlers;
}
