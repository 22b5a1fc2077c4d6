/* A Grid as a component: made once, told the rest through its own methods. */
import { useEffect, useRef } from 'preact/hooks';
import { Grid, type GridOptions } from '../grid/vgrid';

interface GridViewProps {
    options: () => GridOptions;
    /** The grid stands; the returned function is called before it goes. */
    onMade: (grid: Grid) => (() => void) | void;
}

export function GridView({ options, onMade }: GridViewProps) {
    const ref = useRef<HTMLDivElement>(null);
    useEffect(() => {
        if (!ref.current) {
            return;
        }
        const grid = new Grid(ref.current, options());
        const end = onMade(grid);
        return () => {
            end?.();
            grid.destroy();
        };
    }, []);
    return <div ref={ref} />;
}
