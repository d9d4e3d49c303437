import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { useFrame } from '../model.tsx';

/** A modal question (the browser's own dialog: focus stays inside, Escape refuses, focus returns). */
export function Confirm(props: {
  title: string;
  accept: string;
  children: ReactNode;
  onAccept: () => void;
  onClose: () => void;
}) {
  const { t } = useFrame();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={props.onClose}
    >
      <h2 id={`${id}-title`}>{props.title}</h2>
      <div id={`${id}-text`} className="dialog-text">
        {props.children}
      </div>
      <div className="dialog-buttons">
        <Button variant="default" onClick={() => dialog.current?.close()}>
          {t('common.cancel')}
        </Button>
        <Button
          className="danger"
          onClick={() => {
            props.onAccept();
            dialog.current?.close();
          }}
        >
          {props.accept}
        </Button>
      </div>
    </dialog>
  );
}
