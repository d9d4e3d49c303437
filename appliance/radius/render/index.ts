export { type Item, pairsOf, type Rendered, Renderer } from './render.ts';
