/** Runs in the page: scrolls its table up and down, by `step` pixels a frame for `ms`; { fps, p95 } of the frames. */
export async function scrolled([ms, step]) {
    const box = document.querySelector('.vg-scroll');
    const frames = [];
    let last = performance.now();
    let way = 1;
    for (const end = last + ms; performance.now() < end;) {
        box.scrollTop += way * step;
        if (box.scrollTop + box.clientHeight >= box.scrollHeight - 2) way = -1;
        else if (box.scrollTop <= 0) way = 1;
        const now = await new Promise((done) => requestAnimationFrame(done));
        frames.push(now - last);
        last = now;
    }
    frames.shift();
    frames.sort((a, b) => a - b);
    return { fps: 1000 * frames.length / frames.reduce((sum, time) => sum + time, 0), p95: frames[Math.floor(frames.length * 0.95)] };
}
