export function ReviewPage({ project }: { project: number }) {
    return <p class="empty">review of project {project}</p>;
}
