export { type Item, type Rendered, Renderer } from './render.ts';
