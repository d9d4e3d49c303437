/** Steps that are done once each, one after another. What throws, as the disk takes nothing, is begun with the next time. */
export class Steps {
  readonly #left: (() => void)[];

  constructor(steps: readonly (() => void)[] = []) {
    this.#left = [...steps];
  }

  go(): void {
    for (let step = this.#left[0]; step; step = this.#left[0]) {
      step();
      this.#left.shift();
    }
  }
}
