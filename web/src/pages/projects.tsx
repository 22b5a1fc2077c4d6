export function ProjectsPage() {
    return <p class="empty">projects</p>;
}
