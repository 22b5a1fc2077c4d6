/* Gridstats alone, for a second screen: #/gridstats/PROJECT. A click on a subject goes to its row on the table's own page. */
import { get, type Project } from '../api';
import { Gridstats } from '../gridstats/gridstats';
import { go, link } from '../router';
import { batchOf } from '../tomography/batch';
import '../tomography/tomography.css';

async function toTable(project: Project, item: number): Promise<void> {
    const { level } = await get<{ level?: string }>(`items/${item}`);
    if (level === 'study' || level === 'subject') {
        go(`${link('p', project.name, 'cohorts')}?item=${item}`);
        return;
    }
    batchOf(project.id).selectLater([item]);
    go(link('p', project.name, 'tomography'));
}

export function GridstatsPage({ project }: { project: Project }) {
    return (
        <div class="page">
            <h1 class="hidden-label">Gridstats</h1>
            <Gridstats project={project} onSubject={(item) => toTable(project, item)} />
        </div>
    );
}
