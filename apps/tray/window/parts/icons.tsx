/** The window's icons, drawn on 24 × 24 by strokes; always beside a text, hence hidden from screen readers. */
const PATHS = {
  home: 'M4 11 12 4l8 7v9h-5v-6H9v6H4z',
  network:
    'M12 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M6 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M18 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M10.8 8.8 7.2 15.2M13.2 8.8l3.6 6.4',
  device: 'M5 5h14v10H5zM2.5 19h19',
  activity: 'M3 12h4l3-7 4 14 3-7h4',
  help: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M12 16.8v.2',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4M9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.5 10 17.5 19 7',
  trash: 'M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13',
  plus: 'M12 5v14M5 12h14',
  back: 'M15 5l-7 7 7 7',
  qr: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 14h2M20 18v2h-2M14 20h1',
  warning: 'M12 4 2.8 20h18.4zM12 10v4.5M12 17.3v.2',
  problem: 'M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16v.2',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v6M12 7.5v.2',
  unknown: 'M6 12h12',
  arrowDown: 'M12 5v14M6 13l6 6 6-6',
  arrowUp: 'M12 19V5M6 11l6-6 6 6',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
