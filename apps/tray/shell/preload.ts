import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import type { Bridge, WindowEvent } from '../core/ipc/table.ts';
import type { Answer } from './ipc.ts';

const bridge: Bridge = {
  call: async (name, argument) => {
    const answer: Answer = await ipcRenderer.invoke(`gatehouse:${name}`, argument);
    if ('error' in answer) throw new Error(answer.error);
    return answer.value as never;
  },
  onEvent: (listener) => {
    const hear = (_event: IpcRendererEvent, event: WindowEvent) => listener(event);
    ipcRenderer.on('gatehouse:event', hear);
    return () => void ipcRenderer.off('gatehouse:event', hear);
  },
};

contextBridge.exposeInMainWorld('gatehouse', bridge);
