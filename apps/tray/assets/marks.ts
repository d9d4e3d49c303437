import type { TrayIcon } from '../core/types.ts';

export type Shape = TrayIcon['shape'];

/** The doorway, on a field of 16 by 16. */
const ARCH = 'M3.5 14.25 V7 a4.5 4.5 0 0 1 9 0 V14.25 Z';

/** Each state has its own drawing, so that none is told by colour alone. */
const DRAWINGS: Record<Shape, string> = {
  /** The door stands full, with its keyhole. */
  connected: `<path d="${ARCH}" fill="INK" stroke="INK" stroke-width="1.5" stroke-linejoin="round"/>
  <path d="M8 5.9 a1.6 1.6 0 0 1 .75 3 L9.3 12 H6.7 L7.25 8.9 A1.6 1.6 0 0 1 8 5.9 Z" fill="HOLE"/>`,
  /** Someone is at it. */
  connecting: `<path d="${ARCH}" fill="none" stroke="INK" stroke-width="1.5" stroke-linejoin="round"/>
  <g fill="INK"><circle cx="5.6" cy="9.6" r="1"/><circle cx="8" cy="9.6" r="1"/><circle cx="10.4" cy="9.6" r="1"/></g>`,
  warning: `<path d="${ARCH}" fill="none" stroke="INK" stroke-width="1.5" stroke-linejoin="round"/>
  <path d="M8 5.6 V9.4" stroke="INK" stroke-width="1.7" stroke-linecap="round"/><circle cx="8" cy="12" r="1" fill="INK"/>`,
  problem: `<path d="${ARCH}" fill="none" stroke="INK" stroke-width="1.5" stroke-linejoin="round"/>
  <path d="M6.2 7.6 L9.8 11.2 M9.8 7.6 L6.2 11.2" stroke="INK" stroke-width="1.6" stroke-linecap="round"/>`,
  /** An empty doorway. */
  off: `<path d="${ARCH}" fill="none" stroke="INK" stroke-width="1.5" stroke-linejoin="round"/>`,
};

export const SHAPES = Object.keys(DRAWINGS) as Shape[];

/** White on these stays readable (4.5 to 1), and each tile is seen on a light panel as on a dark one. */
const TILES: Record<Shape, string> = {
  connected: '#157347',
  connecting: '#1c5fd4',
  warning: '#96620a',
  problem: '#c3262e',
  off: '#5d6672',
};

const svg = (title: string, size: number, field: number, body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 ${field} ${field}">
  <title>${title}</title>
  ${body}
</svg>
`;

/** A drawing whose keyhole is cut out, so that the menu bar shows through. */
const cut = (shape: Shape): string =>
  shape === 'connected'
    ? `<mask id="door"><g>${DRAWINGS[shape].replaceAll('INK', '#fff').replaceAll('HOLE', '#000')}</g></mask>
  <rect width="16" height="16" mask="url(#door)"/>`
    : DRAWINGS[shape].replaceAll('INK', '#000');

/** macOS: black and clear; the menu bar gives it its colour. */
export const templateSvg = (shape: Shape): string => svg(shape, 16, 16, cut(shape));

/** Linux and Windows: white on a tile, for panels of any colour. */
export const tileSvg = (shape: Shape): string =>
  svg(
    shape,
    32,
    32,
    `<rect width="32" height="32" rx="7" fill="${TILES[shape]}"/>
  <g transform="translate(3 2.4) scale(1.625)">${DRAWINGS[shape].replaceAll('INK', '#fff').replaceAll('HOLE', TILES[shape])}</g>`,
  );

/** The app: a gate of two leaves, one open to the light behind. `inset`: the empty border, which macOS wants around icons. */
export const appSvg = (inset: number): string => {
  const scale = (1024 - 2 * inset) / 1024;
  return svg(
    'Gatehouse',
    1024,
    1024,
    `<defs>
    <linearGradient id="ground" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#2f74e8"/><stop offset="1" stop-color="#123f97"/></linearGradient>
    <linearGradient id="light" x1="0" y1="0" x2="1" y2="0"><stop offset="0" stop-color="#ffe9a8"/><stop offset="1" stop-color="#ffc94d"/></linearGradient>
  </defs>
  <g transform="translate(${inset} ${inset}) scale(${scale})">
    <rect width="1024" height="1024" rx="228" fill="url(#ground)"/>
    <path d="M252 832 V480 a260 260 0 0 1 520 0 V832 Z" fill="url(#light)" stroke="#fff" stroke-width="72" stroke-linejoin="round"/>
    <path d="M252 832 V480 a260 260 0 0 1 260 -260 L548 240 V832 Z" fill="#fff"/>
    <circle cx="478" cy="580" r="34" fill="#1c5fd4"/>
    <path d="M150 832 H874" stroke="#fff" stroke-width="56" stroke-linecap="round"/>
  </g>`,
  );
};
