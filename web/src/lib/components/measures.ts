interface Keyed {
  key: string;
}

/** Heights of rows by key, and where each row begins. Px. */
export class Measures {
  readonly #heights = new Map<string, number>();

  /** Answers whether this changes anything. */
  set(key: string, height: number): boolean {
    if (height === 0 || Math.abs((this.#heights.get(key) ?? -1) - height) < 0.5) return false;
    this.#heights.set(key, height);
    return true;
  }

  /** The top of each row, and behind the last one the height of all. */
  offsets<Row extends Keyed>(rows: readonly Row[], estimate: (row: Row) => number): Float64Array {
    const offsets = new Float64Array(rows.length + 1);
    let sum = 0;
    for (const [index, row] of rows.entries()) {
      offsets[index] = sum;
      sum += this.#heights.get(row.key) ?? estimate(row);
    }
    offsets[rows.length] = sum;
    return offsets;
  }

  /** The row at a height: the last one that begins at or above it, by halving. */
  indexAt(offsets: Float64Array, at: number): number {
    let low = 0;
    let high = Math.max(0, offsets.length - 2);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((offsets[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  indexOf(rows: readonly Keyed[], key: string): number {
    return rows.findIndex((row) => row.key === key);
  }
}
