/* Which key does what in the table. */
import type { Grid } from './vgrid';

/** True: the key was one of ours. */
export function command(grid: Grid, event: KeyboardEvent): boolean {
    const control = event.ctrlKey || event.metaKey;
    const to = step(grid, event.key);
    if (to !== null && !event.altKey && (!control || event.key === 'Home' || event.key === 'End')) {
        grid.move(to, event.shiftKey);
        return true;
    }
    if (control) {
        return withControl(grid, event.key.toLowerCase());
    }
    return !event.altKey && plain(grid, event);
}

function step(grid: Grid, key: string): number | null {
    switch (key) {
        case 'ArrowDown':
        case 'j':
        case 'J':
            return grid.focus + 1;
        case 'ArrowUp':
        case 'k':
        case 'K':
            return grid.focus - 1;
        case 'PageDown':
            return grid.focus + grid.page;
        case 'PageUp':
            return grid.focus - grid.page;
        case 'Home':
            return 0;
        case 'End':
            return grid.view.length - 1;
        default:
            return null;
    }
}

function withControl(grid: Grid, key: string): boolean {
    if (key === 'a') {
        grid.selectAll(true);
        return true;
    }
    if (key === 'z' && grid.options.onUndo) {
        grid.options.onUndo();
        return true;
    }
    return false;
}

function plain(grid: Grid, event: KeyboardEvent): boolean {
    const row = grid.focusedRow;
    switch (event.key) {
        case ' ':
            grid.toggle(row);
            return true;
        case 'Escape':
            grid.selectAll(false);
            return true;
        case 'Enter':
            if (row >= 0) {
                grid.options.onOpen?.(row);
            }
            return true;
        case 'F2':
            grid.edit(grid.focus);
            return true;
        case 'Delete':
            grid.options.onDelete?.();
            return true;
        case 'ContextMenu':
            return grid.openMenu();
        case 'F10':
            return event.shiftKey && grid.openMenu();
        default:
            // A digit begins a new value, as in a spreadsheet.
            return /^[0-9]$/.test(event.key) && grid.edit(grid.focus, event.key);
    }
}
