// axe-core on the page as it stands: no violation of WCAG A and AA.
import { AXE } from './browser.mjs';

/** Violations as lines: rule, element, what to mend. */
export async function violations(page) {
    await page.addScriptTag({ path: AXE }).catch(async () => {
        // The page's content security policy forbids foreign script tags: evaluated from outside instead.
        const { readFile } = await import('node:fs/promises');
        await page.evaluate(await readFile(AXE, 'utf8'));
    });
    const found = await page.evaluate(() => window.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
        // The table's rows are one pool of elements over any number of rows, told to readers by aria-rowindex.
        rules: { region: { enabled: false } },
    }));
    return found.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`));
}
