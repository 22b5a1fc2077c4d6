// Before the first paint, so that a page set to dark does not flash white. The switch in the header writes the key.
try {
    const theme = localStorage.getItem('gantry.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
    // Storage is forbidden: the system's choice holds.
}
