import type { ComponentChildren, RefObject } from "preact";
import type { VirtualRows } from "../virtual.ts";
import { Empty } from "./states.tsx";

/** Height of a row, pixels, as style.css has it. */
export const ROW_HEIGHT = 56;

interface RowTableProps {
  /** What scrolls. */
  readonly box: RefObject<HTMLDivElement | null>;
  readonly rows: VirtualRows;
  readonly label: string;
  /** Widths of the columns, of the head's and of every row's. */
  readonly template: string;
  /** How many rows there are in all; −1 while that is not known. */
  readonly total: number;
  /** The selected row; −1 where none is. */
  readonly at: number;
  readonly head: ComponentChildren;
  keyAt(index: number): string | number;
  /** The cells of a row. */
  row(index: number): ComponentChildren;
  /** Whether rows of a query before are shown, which nobody is to act on. */
  readonly isOld?: boolean;
  /** What is said where there is no row. */
  readonly empty: string;
}

/** A table of which only the rows in view are there. */
export function RowTable(props: RowTableProps) {
  const { box, rows, label, template, total, at, head, keyAt, row, isOld = false, empty } = props;
  return (
    <div class="rows" ref={box} tabIndex={0} role="region" aria-label={label}>
      <div class="inner" role="table" aria-rowcount={total} aria-label={label}>
        <div class="head" role="row" style={{ gridTemplateColumns: template }}>
          {head}
        </div>
        <div
          role="rowgroup"
          aria-busy={isOld}
          inert={isOld}
          style={{ position: "relative", height: `${rows.height}px`, opacity: isOld ? 0.5 : 1 }}
        >
          {rows.items.map((item) => (
            <div
              key={keyAt(item.index)}
              class="row"
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={item.index === at}
              style={{
                transform: `translateY(${rows.top(item)}px)`,
                gridTemplateColumns: template,
              }}
            >
              {row(item.index)}
            </div>
          ))}
        </div>
      </div>
      {total === 0 && (
        <Empty>
          <span style={{ padding: "0 20px", display: "block" }}>{empty}</span>
        </Empty>
      )}
    </div>
  );
}
